// Package spikingdiffusion is the spiking diffusion model of "Spiking diffusion models" (2024).
package spikingdiffusion

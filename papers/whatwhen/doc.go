// Package whatwhen is the predictor of "Joint encoding of what and when predictions through error-modulated plasticity in reservoir spiking
// networks" (2025).
package whatwhen

// Package degeneracy is the suite of "Measuring and Controlling Solution Degeneracy across Task-Trained Recurrent Neural Networks" (2024).
package degeneracy

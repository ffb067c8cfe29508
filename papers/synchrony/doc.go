// Package synchrony is the population of "Synchronization and Redundancy: Implications for Robustness of Neural Learning and Decision Making" (2010).
package synchrony

// Package delays is HD-SNN.
package delays

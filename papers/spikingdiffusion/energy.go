package spikingdiffusion

// Energies of one operation, in pJ, at 45 nm (Horowitz 2014), as the paper has them.
const (
	perMultiply   = 4.6 // multiply-accumulate
	perAccumulate = 0.9 // what a spike makes a synapse do
)

// energy is what a call takes, in nJ.
type energy struct {
	Paper  float64 // the paper's count: the first convolution, and what spikes do
	Strict float64 // with everything that reads real values: read-out, shortcuts and the embedding of time
}

// spiking counts the operations of a spiking network, whose layers of kind "spikes" fired at the given rates.
func spikingEnergy(layers []layer, rates []float64, steps int) (e energy) {
	next := 0
	for _, l := range layers {
		macs := float64(l.macs)
		switch l.kind {
		case "first": // all steps see the same image
			e.Paper += perMultiply * macs / 1e3
		case "spikes":
			e.Paper += perAccumulate * rates[next] * float64(steps) * macs / 1e3
			next++
		case "real":
			e.Strict += perMultiply * float64(steps) * macs / 1e3
		case "embedding":
			e.Strict += perMultiply * macs / 1e3
		}
	}
	e.Strict += e.Paper
	return e
}

// plainEnergy counts the operations of the same network without spikes, of the same layers as each of the two counts above has.
func plainEnergy(layers []layer) (e energy) {
	for _, l := range layers {
		cost := perMultiply * float64(l.macs) / 1e3
		e.Strict += cost
		if l.kind == "first" || l.kind == "spikes" {
			e.Paper += cost
		}
	}
	return e
}

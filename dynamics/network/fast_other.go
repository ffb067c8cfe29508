//go:build !amd64

package network

func addNormals(current, sd []float32, skip int, state uint64) {
	addNormalsPortable(current, sd, skip, state)
}

func (p *Izhikevich) fastStep(_, _ int, _ []float32, spikes []int32) ([]int32, bool) {
	return spikes, false
}

func settleSynapses(current, synaptic, due, outside []float32, decay float32) {
	settleSynapsesPortable(current, synaptic, due, outside, decay)
}

func (f *DoubleExponential) decay(centred, baseline []float32) { f.decayPortable(centred, baseline) }

func (r *Reservoir) drive(cue bool, outputs []float64) { r.drivePortable(cue, outputs) }

func dot(x, y []float32) float32 { return dotPortable(x, y) }

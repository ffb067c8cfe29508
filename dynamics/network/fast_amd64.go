package network

import (
	"math/bits"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

//go:generate go run ./gen -out fast_kernels_amd64.s -stubs fast_kernels_amd64.go -pkg network

// addNormals does what addNormalsPortable does.
func addNormals(current, sd []float32, skip int, state uint64) {
	n := len(current)
	if kernel.Active() != kernel.AVX512 || n == 0 {
		addNormalsPortable(current, sd, skip, state)
		return
	}
	sd = sd[:n]
	var z [noiseChunk]float32
	fastNormals(&z, state)
	fmaAVX512(&current[0], &z[skip:][:n][0], &sd[0], n)
}

// fastNormals does what normals does.
func fastNormals(z *[noiseChunk]float32, state uint64) {
	var beyond [noiseChunk / 16]uint16
	normalsAVX512(&z[0], state, &cubics[0][0], &beyond[0])
	for i, mask := range beyond {
		for ; mask != 0; mask &= mask - 1 {
			at := 16*i + bits.TrailingZeros16(mask)
			z[at] = tail(uint32(mixed(state+golden*uint64(at/2+1)) >> (32 * (at % 2))))
		}
	}
}

// places appends base plus the place of each bit that is set, in order. Most words have none, so that four are looked at together.
func places(words []uint16, base int32, into []int32) []int32 {
	for ; len(words) >= 4; words, base = words[4:], base+64 {
		mask := uint64(words[0]) | uint64(words[1])<<16 | uint64(words[2])<<32 | uint64(words[3])<<48
		for ; mask != 0; mask &= mask - 1 {
			into = append(into, base+int32(bits.TrailingZeros64(mask)))
		}
	}
	for i, word := range words {
		for ; word != 0; word &= word - 1 {
			into = append(into, base+int32(16*i+bits.TrailingZeros16(word)))
		}
	}
	return into
}

// fastStep does what Izhikevich.step does, where the processor has AVX-512.
func (p *Izhikevich) fastStep(from, to int, current []float32, spikes []int32) ([]int32, bool) {
	if kernel.Active() != kernel.AVX512 {
		return spikes, false
	}
	var fired [chunk / 16]uint16
	n := to - from
	izhikevichAVX512(&p.V[from], &p.U[from], &current[0], &p.a[from], &p.b[from], &p.c[from], &p.d[from], n, p.dt, &fired[0])
	return places(fired[:(n+15)/16], int32(from), spikes), true
}

// settleSynapses does what settleSynapsesPortable does.
func settleSynapses(current, synaptic, due, outside []float32, decay float32) {
	if kernel.Active() != kernel.AVX512 || outside == nil {
		settleSynapsesPortable(current, synaptic, due, outside, decay)
		return
	}
	n := len(current)
	synaptic, due, outside = synaptic[:n], due[:n], outside[:n]
	synapsesAVX512(&current[0], &synaptic[0], &due[0], &outside[0], n, decay)
}

// decay does what decayPortable does.
func (f *DoubleExponential) decay(centred, baseline []float32) {
	n := len(f.Out)
	if n == 0 || centred == nil || kernel.Active() != kernel.AVX512 {
		f.decayPortable(centred, baseline)
		return
	}
	centred, baseline = centred[:n], baseline[:n]
	filterAVX512(&f.Out[0], &f.slow[0], &f.fast[0], &centred[0], &baseline[0], n, f.perSlow, f.perFast)
}

// drive writes into r.current what comes from outside but for noise.
func (r *Reservoir) drive(cue bool, outputs []float64) {
	if len(outputs) != 2 || cue || kernel.Active() != kernel.AVX512 {
		r.drivePortable(cue, outputs)
		return
	}
	driveAVX512(&r.current[0], &r.held[0], &r.fade[0], &r.cue[0], &r.bias[0], &r.feedback[0][0], &r.feedback[1][0], len(r.current), float32(outputs[0]), float32(outputs[1]))
}

func dot(x, y []float32) float32 {
	if kernel.Active() != kernel.AVX512 || len(x) == 0 {
		return dotPortable(x, y)
	}
	y = y[:len(x)]
	return dotAVX512(&x[0], &y[0], len(x))
}

package lanes

// Width is the number of signals computed at once.
const Width = 8

// Interleave writes up to Width rows of equal length into dst, sample by sample: lane l of sample t at t*stride+l. Lanes without a row become
// zero. The stride is Width for signals to filter and Point for a half of the points of a transform.
func Interleave(dst []float64, stride int, rows [][]float64) {
	if len(rows) == 0 {
		return
	}
	n := len(rows[0])
	done := 0
	if len(rows) == Width {
		done = n / Width * Width
		if done > 0 {
			active.interleave(dst[:(n-1)*stride+Width], stride, rows, done)
		}
	}
	for t := done; t < n; t++ {
		d := (*[Width]float64)(dst[t*stride:])
		for l, row := range rows {
			d[l] = row[t]
		}
		clear(d[len(rows):])
	}
}

// Deinterleave is the inverse of Interleave: it fills the rows from src.
func Deinterleave(rows [][]float64, src []float64, stride int) {
	if len(rows) == 0 {
		return
	}
	n := len(rows[0])
	done := 0
	if len(rows) == Width {
		done = n / Width * Width
		if done > 0 {
			active.deinterleave(rows, src[:(n-1)*stride+Width], stride, done)
		}
	}
	for t := done; t < n; t++ {
		s := (*[Width]float64)(src[t*stride:])
		for l, row := range rows {
			row[t] = s[l]
		}
	}
}

// portableInterleave interleaves the first n samples of Width rows.
func portableInterleave(dst []float64, stride int, rows [][]float64, n int) {
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	r4, r5, r6, r7 := rows[4][:n], rows[5][:n], rows[6][:n], rows[7][:n]
	for t := range n {
		d := (*[Width]float64)(dst[t*stride:])
		d[0], d[1], d[2], d[3] = r0[t], r1[t], r2[t], r3[t]
		d[4], d[5], d[6], d[7] = r4[t], r5[t], r6[t], r7[t]
	}
}

func portableDeinterleave(rows [][]float64, src []float64, stride, n int) {
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	r4, r5, r6, r7 := rows[4][:n], rows[5][:n], rows[6][:n], rows[7][:n]
	for t := range n {
		s := (*[Width]float64)(src[t*stride:])
		r0[t], r1[t], r2[t], r3[t] = s[0], s[1], s[2], s[3]
		r4[t], r5[t], r6[t], r7[t] = s[4], s[5], s[6], s[7]
	}
}

// Section holds the numbers of a second-order section, B0 B1 B2 A1 A2 of
//
//	B0 + B1/z + B2/z²
//	-----------------
//	 1 + A1/z + A2/z²
type Section [5]float64

// State is a section's memory, one pair of numbers a lane.
type State [2][Width]float64

// chunk is how many samples go through all sections before the next do, so that they stay in the first-level cache.
const chunk = 256

// Biquads filters interleaved signals in place by the sections one after the other (transposed direct form II), and leaves in state
// what the sections remember after the last sample.
//
// Each lane is computed as scalar code would, product by product and sum by sum: the result is, bit for bit, that of
// filtering the lanes one at a time.
func Biquads(sections []Section, state []State, x []float64) {
	for first := 0; first < len(x); first += chunk * Width {
		part := x[first:min(first+chunk*Width, len(x))]
		cascade(sections, state, part, false)
	}
}

// BiquadsBackwards is Biquads from the last sample to the first.
func BiquadsBackwards(sections []Section, state []State, x []float64) {
	for last := len(x); last > 0; last -= chunk * Width {
		part := x[max(0, last-chunk*Width):last]
		cascade(sections, state, part, true)
	}
}

func cascade(sections []Section, state []State, x []float64, backwards bool) {
	if len(x) < Width {
		return
	}
	for s := 0; s < len(sections); {
		s += active.biquads(sections[s:], state[s:], x, backwards)
	}
}

// portableBiquads runs one section.
func portableBiquads(sections []Section, state []State, x []float64, backwards bool) int {
	q, s := &sections[0], &state[0]
	t, step := 0, Width
	if backwards {
		t, step = len(x)-Width, -Width
	}
	for range len(x) / Width {
		v := (*[Width]float64)(x[t:])
		for l, in := range v {
			// The conversions forbid fusing a product with a sum, which would round differently from one processor to another.
			out := float64(q[0]*in) + s[0][l]
			s[0][l] = float64(q[1]*in) - float64(q[3]*out) + s[1][l]
			s[1][l] = float64(q[2]*in) - float64(q[4]*out)
			v[l] = out
		}
		t += step
	}
	return 1
}

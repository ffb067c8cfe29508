package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// latent is the built-in embedding: a vector for every word, learnt from the corpus alone.
//
// Papers are counted as sublinear tf-idf, (1 + ln tf) * ln(N / df), rows of length one. Of that matrix the leading right singular vectors
// are found by a randomised method (Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011), which gives
// latent semantic analysis (Deerwester et al., 1990). A word's vector is then smoothed: mixed with the mean of the papers it is in, which
// is made by all the words beside it, so that a word too rare to have shaped a singular vector lies where its company lies. A text is the
// weighted sum of the vectors of its words.
type latent struct {
	terms []string // stems, sorted
	idf   []float32
	vec   *vectors // a direction of length one for each term
	norm  []float32
	mean  []float32 // of papers, taken off each text, since it is common to all
	usual float32   // the usual length of a word's vector
}

// latentOptions are what training depends on.
type latentOptions struct {
	dim    int     // at most
	smooth float64 // share of the company in a word's vector, 0 to 1
	prior  float64 // papers' worth of no evidence in the mean of the papers of a word
	whiten float64 // power of the inverse singular value that a dimension is scaled by
	passes int     // over the matrix, for the subspace
	sample int     // papers to train on
}

var latentDefaults = latentOptions{dim: 192, smooth: 0.5, prior: 2, whiten: 1, passes: 3, sample: 40_000}

// matrix is a sparse matrix in rows.
type matrix struct {
	rows, cols int
	start      []int
	col        []int32
	val        []float32
}

func (m *matrix) row(i int) ([]int32, []float32) {
	return m.col[m.start[i]:m.start[i+1]], m.val[m.start[i]:m.start[i+1]]
}

// axpy adds a*x to y.
func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}

// gramian adds transpose(m)*m*x to a zeroed y, rows of width l by column of m. It goes through m once.
func (m *matrix) gramian(x, y []float32, l int) {
	z := make([]float32, l)
	for i := range m.rows {
		cols, vals := m.row(i)
		clear(z)
		for j, c := range cols {
			axpy(vals[j], x[int(c)*l:int(c+1)*l], z)
		}
		for j, c := range cols {
			axpy(vals[j], z, y[int(c)*l:int(c+1)*l])
		}
	}
}

// gramRows is of how many rows gram adds up the products in 32 bits before it goes on in 64.
const gramRows = 128

// gram returns the products of the columns of a matrix of n rows of width l, of which rows returns those from i to j.
func gram(n, l int, rows func(i, j int) []float32) *mat.SymDense {
	sum, block := make([]float64, l*l), make([]float32, l*l)
	for i := 0; i < n; i += gramRows {
		j := min(i+gramRows, n)
		part := blas32.General{Rows: j - i, Cols: l, Stride: l, Data: rows(i, j)}
		blas32.Gemm('T', 'N', 1, part, part, 0, blas32.General{Rows: l, Cols: l, Stride: l, Data: block})
		for k, v := range block {
			sum[k] += float64(v)
		}
	}
	return mat.NewSymDense(l, sum)
}

// rotate returns a*w for a of rows of width l, and w of l rows and no more columns. The product takes the place of a.
func rotate(a []float32, l int, w *mat.Dense) []float32 {
	_, k := w.Dims()
	right := make([]float32, l*k)
	for i := range l {
		for j := range k {
			right[i*k+j] = float32(w.At(i, j))
		}
	}
	const rows = 256
	block := make([]float32, rows*k)
	n := len(a) / l
	for i := 0; i < n; i += rows {
		m := min(rows, n-i)
		blas32.Gemm('N', 'N', 1, blas32.General{Rows: m, Cols: l, Stride: l, Data: a[i*l : (i+m)*l]}, blas32.General{Rows: l, Cols: k, Stride: k, Data: right}, 0,
			blas32.General{Rows: m, Cols: k, Stride: k, Data: block})
		copy(a[i*k:], block[:m*k]) // before the rows that are still to be read
	}
	return a[:n*k]
}

// principal returns the eigenvalues of a symmetric matrix from the largest on, at most k and only those that rounding has left something
// of, and their vectors as columns.
func principal(s *mat.SymDense, k int) ([]float64, *mat.Dense, error) {
	var e mat.EigenSym
	if !e.Factorize(s, true) {
		return nil, nil, fmt.Errorf("the eigenvalues of the corpus were not found")
	}
	values := e.Values(nil)
	var all mat.Dense
	e.VectorsTo(&all)
	n := len(values)
	slices.Reverse(values)
	keep := 0
	for keep < min(k, n) && values[keep] > 1e-7*values[0] && values[keep] > 0 {
		keep++
	}
	out := mat.NewDense(n, max(keep, 1), nil)
	for j := range keep {
		for i := range n {
			out.Set(i, j, all.At(i, n-1-j))
		}
	}
	return values[:keep], out, nil
}

// singular returns the leading right singular vectors of m, rows of width k by column of m, with the singular values.
func (m *matrix) singular(ctx context.Context, dim, passes int, r *rand.Rand) (v []float32, sigma []float64, err error) {
	l := min(dim+16, m.rows, m.cols) // more than wanted, since the last ones come out worst
	x, y := make([]float32, m.cols*l), make([]float32, m.cols*l)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for range passes {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		y = y[:m.cols*l]
		clear(y)
		m.gramian(x, y, l)
		values, w, err := principal(gram(m.cols, l, func(i, j int) []float32 { return y[i*l : j*l] }), l)
		if err != nil {
			return nil, nil, err
		}
		if len(values) == 0 {
			return nil, nil, nil
		}
		for j, value := range values { // columns of length one, at right angles
			for i := range l {
				w.Set(i, j, w.At(i, j)/math.Sqrt(value))
			}
		}
		x, y, l = rotate(y, l, w), x, len(values)
	}
	// What m does within the subspace tells its singular values and vectors.
	b := make([]float32, gramRows*l)
	values, w, err := principal(gram(m.rows, l, func(from, to int) []float32 {
		clear(b)
		for i := from; i < to; i++ {
			cols, vals := m.row(i)
			for j, c := range cols {
				axpy(vals[j], x[int(c)*l:int(c+1)*l], b[(i-from)*l:(i-from+1)*l])
			}
		}
		return b[:(to-from)*l]
	}), dim)
	if err != nil || len(values) == 0 {
		return nil, nil, err
	}
	for _, value := range values {
		sigma = append(sigma, math.Sqrt(value))
	}
	return rotate(x, l, w), sigma, nil
}

// trainLatent learns word vectors from counted papers. It returns nil if there is too little to learn from.
func trainLatent(ctx context.Context, c *counted, o latentOptions) (*latent, error) {
	m, idf := c.weighted()
	if m.rows < 3 || m.cols < 3 {
		return nil, nil
	}
	dim := min(o.dim, max(2, m.rows*2/3))
	v, sigma, err := m.singular(ctx, dim, o.passes, rand.New(rand.NewPCG(1, uint64(m.cols))))
	if err != nil || len(sigma) == 0 {
		return nil, err
	}
	k := len(sigma)

	// Each dimension is scaled, and the papers' common direction noted.
	scale := make([]float32, k)
	for j := range scale {
		scale[j] = float32(math.Pow(sigma[j]/sigma[0], -o.whiten))
	}
	for i := range m.cols {
		for j := range k {
			v[i*k+j] *= scale[j]
		}
	}
	// The company of a word: the mean of its papers, each of length one.
	company, weight := make([]float32, m.cols*k), make([]float32, m.cols)
	d := make([]float32, k)
	mean := make([]float64, k)
	center := make([]float32, k)
	for pass := range 2 {
		for i := range m.rows {
			cols, vals := m.row(i)
			copy(d, center)
			for j, c := range cols {
				axpy(vals[j], v[int(c)*k:int(c+1)*k], d)
			}
			n := length(d)
			if n == 0 {
				continue
			}
			if pass == 0 {
				for j := range d {
					mean[j] += float64(d[j]) / float64(m.rows)
				}
				continue
			}
			for j, c := range cols {
				axpy(vals[j]/n, d, company[int(c)*k:int(c+1)*k])
				weight[c] += vals[j]
			}
		}
		for j := range center {
			center[j] = -float32(mean[j])
		}
	}
	out := &latent{terms: c.terms, idf: idf, vec: &vectors{dim: k}}
	// Both are brought to the same size before they are mixed: that of the words' own vectors on average, weighted as they occur.
	var own, theirs float64
	var typical float32
	for i := range m.cols {
		typical += weight[i]
	}
	typical /= float32(m.cols)
	for i := range m.cols {
		if weight[i] > 0 {
			for j := range k {
				company[i*k+j] /= weight[i] + float32(o.prior)*min(1, typical)
			}
		}
		w := float64(weight[i])
		own += w * float64(length(v[i*k:(i+1)*k]))
		theirs += w * float64(length(company[i*k:(i+1)*k]))
	}
	ratio := float32(0)
	if theirs > 0 {
		ratio = float32(own / theirs)
	}
	row := make([]float32, k)
	for i := range m.cols {
		clear(row)
		axpy(float32(1-o.smooth), v[i*k:(i+1)*k], row)
		axpy(float32(o.smooth)*ratio, company[i*k:(i+1)*k], row)
		out.vec.add(row)
		out.norm = append(out.norm, length(row))
		out.usual += out.norm[i] / float32(m.cols)
	}
	// The mean of the texts as they will be embedded.
	out.mean = make([]float32, k)
	sum := make([]float64, k)
	for i := range m.rows {
		cols, vals := m.row(i)
		clear(d)
		for j, c := range cols {
			out.addTerm(d, int(c), vals[j])
		}
		if n := length(d); n > 0 {
			for j := range d {
				sum[j] += float64(d[j] / n)
			}
		}
	}
	for j := range sum {
		out.mean[j] = float32(sum[j] / float64(m.rows))
	}
	return out, nil
}

func length(x []float32) float32 {
	var sum float64
	for _, e := range x {
		sum += float64(e) * float64(e)
	}
	return float32(math.Sqrt(sum))
}

// addTerm adds a term's vector times w to d.
func (l *latent) addTerm(d []float32, term int, w float32) {
	f := w * l.norm[term] * l.vec.scale[term]
	for j, e := range l.vec.values[term*l.vec.dim : (term+1)*l.vec.dim] {
		d[j] += f * float32(e)
	}
}

// embed returns the vector of a text from its terms and how often they occur, plus a sum of vectors of other words, which may be nil. It is
// all zero if nothing is known of it.
func (l *latent) embed(terms []int, frequency []float32, more []float32) []float32 {
	d := make([]float32, l.vec.dim)
	copy(d, more)
	for i, t := range terms {
		if frequency[i] > 0 {
			l.addTerm(d, t, l.idf[t]*sublinear(frequency[i]))
		}
	}
	if n := length(d); n > 0 {
		for j := range d {
			d[j] = d[j]/n - l.mean[j]
		}
	}
	return d
}

// sublinear is how much a term counts that occurs f times; of a part of an occurrence only the part counts.
func sublinear(f float32) float32 {
	if f <= 1 {
		return f
	}
	return 1 + float32(math.Log(float64(f)))
}

// term returns the index of a stem, or -1.
func (l *latent) term(stem string) int {
	if i := sort.SearchStrings(l.terms, stem); i < len(l.terms) && l.terms[i] == stem {
		return i
	}
	return -1
}

// relatives returns the terms that begin like a stem: with at least its first five letters and three quarters of it.
func (l *latent) relatives(stem string) []int {
	const most = 3
	var out []int
	for n := len(stem); n >= max(5, len(stem)*3/4) && len(out) == 0; n-- {
		for i := sort.SearchStrings(l.terms, stem[:n]); i < len(l.terms) && strings.HasPrefix(l.terms[i], stem[:n]) && len(out) < most; i++ {
			out = append(out, i)
		}
	}
	return out
}

// counted is what a corpus says about its words: for each paper the terms it has and how often.
type counted struct {
	terms []string // sorted
	in    []int    // by term: in how many papers of the corpus it is
	of    int      // papers of the corpus
	start []int
	term  []int32
	count []uint8
}

// weighted returns the sublinear tf-idf of the papers, rows of length one, with the inverse document frequencies.
func (c *counted) weighted() (*matrix, []float32) {
	idf := make([]float32, len(c.terms))
	for i, in := range c.in {
		idf[i] = float32(math.Log(float64(c.of+1) / (float64(in) + 0.5)))
	}
	m := &matrix{rows: len(c.start) - 1, cols: len(c.terms), start: c.start, col: c.term, val: make([]float32, len(c.term))}
	for i := range m.rows {
		cols, vals := m.row(i)
		var square float64
		for j, t := range cols {
			vals[j] = idf[t] * sublinear(float32(c.count[c.start[i]+j]))
			square += float64(vals[j]) * float64(vals[j])
		}
		if square > 0 {
			for j := range vals {
				vals[j] /= float32(math.Sqrt(square))
			}
		}
	}
	return m, idf
}

const latentFormat = "GyrusWords1\n"

func (l *latent) encode() []byte {
	var b bytes.Buffer
	b.WriteString(latentFormat)
	putStrings(&b, l.terms)
	putSlice(&b, l.idf)
	putSlice(&b, l.norm)
	putSlice(&b, l.mean)
	putSlice(&b, []float32{l.usual})
	l.vec.put(&b)
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.ChecksumIEEE(b.Bytes()))
}

func decodeLatent(data []byte) (*latent, error) {
	r, err := newDecoder(data, latentFormat)
	if err != nil {
		return nil, err
	}
	l := &latent{terms: r.strings(), idf: takeSlice[float32](r), norm: takeSlice[float32](r), mean: takeSlice[float32](r)}
	usual := takeSlice[float32](r)
	if l.vec, err = r.vectors(); err != nil {
		return nil, err
	}
	if n := len(l.terms); l.vec.len() != n || len(l.idf) != n || len(l.norm) != n || len(l.mean) != l.vec.dim || len(usual) != 1 || !slices.IsSorted(l.terms) {
		return nil, fmt.Errorf("the parts of the stored words do not fit together")
	}
	l.usual = usual[0]
	return l, nil
}

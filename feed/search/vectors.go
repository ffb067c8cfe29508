package search

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
)

// vectors holds unit vectors in two forms: whole numbers of eight bits with a scale, which products are computed from, and the signs
// alone, which choose for which vectors that is worth the while. Comparing signs with a query takes a few machine words a vector, so
// that a hundred thousand are looked through in about a millisecond by plain Go; see [vectors.nearest] for how sure that is.
type vectors struct {
	dim    int
	scale  []float32 // of each vector; 0 for one that says nothing
	values []int8    // dim of each vector
	signs  []uint64  // words of each vector
}

func (v *vectors) len() int   { return len(v.scale) }
func (v *vectors) words() int { return (v.dim + 63) / 64 }

// add appends a vector of any length, scaled to length one.
func (v *vectors) add(x []float32) {
	var top, square float64
	for _, e := range x {
		top = max(top, math.Abs(float64(e)))
		square += float64(e) * float64(e)
	}
	word := uint64(0)
	if top == 0 || math.IsInf(square, 0) || math.IsNaN(square) {
		v.scale = append(v.scale, 0)
		v.values = append(v.values, make([]int8, v.dim)...)
		v.signs = append(v.signs, make([]uint64, v.words())...)
		return
	}
	v.scale = append(v.scale, float32(top/127/math.Sqrt(square)))
	for i, e := range x {
		v.values = append(v.values, int8(math.Round(float64(e)*127/top)))
		if e > 0 {
			word |= 1 << (i & 63)
		}
		if i&63 == 63 || i == v.dim-1 {
			v.signs = append(v.signs, word)
			word = 0
		}
	}
}

// dot returns the product of a vector and a query of the same dimension.
func (v *vectors) dot(i int, q *query) float32 {
	row := v.values[i*v.dim : (i+1)*v.dim]
	whole := q.whole[:len(row)]
	var sum int32
	for j, e := range row {
		sum += int32(e) * whole[j]
	}
	return float32(sum) * v.scale[i] * q.scale
}

// vector returns vector i as it was added, but for rounding and length.
func (v *vectors) vector(i int) []float32 {
	out := make([]float32, v.dim)
	for j, e := range v.values[i*v.dim : (i+1)*v.dim] {
		out[j] = float32(e) * v.scale[i]
	}
	return out
}

// query is a vector to compare with.
type query struct {
	whole  []int32 // the vector in units of scale, 15 bits
	scale  float32
	planes [queryBits][]uint64 // the bits of the vector's elements in units of a coarser step, lowest first; the element is their value minus offset
	offset int
}

// queryBits is how finely a query is divided where it is compared with signs.
const queryBits = 5

// newQuery makes a query of a vector scaled to length one; nil if the vector says nothing.
func newQuery(x []float32) *query {
	var top, square float64
	for _, e := range x {
		top = max(top, math.Abs(float64(e)))
		square += float64(e) * float64(e)
	}
	if top == 0 || math.IsInf(square, 0) || math.IsNaN(square) {
		return nil
	}
	const fine = 1<<14 - 1 // 2^14 * 2^7 * 1024 dimensions stay within 32 bits
	const coarse = 1<<(queryBits-1) - 1
	q := &query{whole: make([]int32, len(x)), scale: float32(top / fine / math.Sqrt(square)), offset: coarse}
	for b := range q.planes {
		q.planes[b] = make([]uint64, (len(x)+63)/64)
	}
	for i, e := range x {
		q.whole[i] = int32(math.Round(float64(e) * fine / top))
		step := uint(math.Round(float64(e)*coarse/top) + coarse)
		for b := range q.planes {
			q.planes[b][i>>6] |= uint64(step>>b&1) << (i & 63)
		}
	}
	return q
}

// likeness is an estimate of the product of a vector and a query from the vector's signs, up to factors that are the same for all vectors.
func (v *vectors) likeness(i int, q *query) int {
	n := v.words()
	signs := v.signs[i*n : (i+1)*n]
	sum, set := 0, 0
	for j, s := range signs {
		set += bits.OnesCount64(s)
		sum += bits.OnesCount64(s&q.planes[0][j]) + bits.OnesCount64(s&q.planes[1][j])<<1 + bits.OnesCount64(s&q.planes[2][j])<<2 +
			bits.OnesCount64(s&q.planes[3][j])<<3 + bits.OnesCount64(s&q.planes[4][j])<<4
	}
	return sum - q.offset*set // of the elements where the sign is plus; that of the others follows, since both add up to the same for all
}

// hit is a paper, by its number, and how well it fits.
type hit struct {
	doc   int
	score float32
}

// nearest appends the n vectors, of those that ok lets through, that have the largest products with the query, numbered from base. Of
// more vectors than exact it computes the products of only so many, those that the signs speak for.
func (v *vectors) nearest(q *query, n, exact, base int, ok func(int) bool, out []hit) []hit {
	if v.len() == 0 || q == nil {
		return out
	}
	from := len(out)
	if v.len() <= exact {
		for i := range v.len() {
			if v.scale[i] != 0 && ok(i) {
				out = append(out, hit{base + i, v.dot(i, q)})
			}
		}
		return append(out[:from], best(out[from:], n)...)
	}
	// Likenesses lie in a small range of whole numbers: counting them tells the smallest that is among the wanted.
	const bins = 4096
	like := make([]int16, v.len())
	var count [bins]int32
	at := func(l int16) int { return min(max(int(l)+bins/2, 0), bins-1) }
	for i := range like {
		like[i] = math.MinInt16
		if v.scale[i] != 0 && ok(i) {
			like[i] = int16(min(max(v.likeness(i, q), math.MinInt16+1), math.MaxInt16))
			count[at(like[i])]++
		}
	}
	least := bins - 1
	for sum := int(count[least]); sum < exact && least > 0; sum += int(count[least]) {
		least--
	}
	for i, l := range like {
		if l != math.MinInt16 && at(l) >= least {
			out = append(out, hit{base + i, v.dot(i, q)})
		}
	}
	return append(out[:from], best(out[from:], n)...)
}

// best returns the n best of the hits, best first, in their place.
func best(hits []hit, n int) []hit {
	order := func(a, b hit) int {
		switch {
		case a.score > b.score || a.score == b.score && a.doc < b.doc:
			return -1
		case a == b:
			return 0
		}
		return 1
	}
	if len(hits) > 4*n { // keep the best so far in a heap whose root is the worst of them
		heap := hits[:n]
		down := func(i int) {
			for {
				c := 2*i + 1
				if c >= n {
					return
				}
				if c+1 < n && order(heap[c+1], heap[c]) > 0 {
					c++
				}
				if order(heap[i], heap[c]) >= 0 {
					return
				}
				heap[i], heap[c] = heap[c], heap[i]
				i = c
			}
		}
		for i := n/2 - 1; i >= 0; i-- {
			down(i)
		}
		for i := n; i < len(hits) && n > 0; i++ {
			if order(hits[i], heap[0]) < 0 {
				heap[0] = hits[i]
				down(0)
			}
		}
		hits = heap
	}
	slices.SortFunc(hits, order)
	return hits[:min(n, len(hits))]
}

// mergeVectors returns the vectors of several sets one after another, without those of the dead.
func mergeVectors(parts []*vectors, dead []bitmap) *vectors {
	out := &vectors{dim: parts[0].dim}
	n := out.words()
	for k, p := range parts {
		for i := range p.scale {
			if !dead[k].has(i) {
				out.scale = append(out.scale, p.scale[i])
				out.values = append(out.values, p.values[i*p.dim:(i+1)*p.dim]...)
				out.signs = append(out.signs, p.signs[i*n:(i+1)*n]...)
			}
		}
	}
	return out
}

const vectorsFormat = "GyrusVectors1\n"

func (v *vectors) encode() []byte {
	var b bytes.Buffer
	b.Grow(len(v.values) + 4*len(v.scale) + 8*len(v.signs) + 4096)
	b.WriteString(vectorsFormat)
	v.put(&b)
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.ChecksumIEEE(b.Bytes()))
}

func (v *vectors) put(b *bytes.Buffer) {
	putSlice(b, []uint32{uint32(v.dim)})
	putSlice(b, v.scale)
	putSlice(b, v.values)
	putSlice(b, v.signs)
}

func decodeVectors(data []byte) (*vectors, error) {
	r, err := newDecoder(data, vectorsFormat)
	if err != nil {
		return nil, err
	}
	return r.vectors()
}

func (r *decoder) vectors() (*vectors, error) {
	dim, v := takeSlice[uint32](r), &vectors{}
	v.scale, v.values, v.signs = takeSlice[float32](r), takeSlice[int8](r), takeSlice[uint64](r)
	if r.err != nil {
		return nil, r.err
	}
	if len(dim) != 1 || dim[0] == 0 || dim[0] > maxDim {
		return nil, fmt.Errorf("the stored vectors have no dimension")
	}
	if v.dim = int(dim[0]); len(v.values) != v.dim*v.len() || len(v.signs) != v.words()*v.len() {
		return nil, fmt.Errorf("the parts of the stored vectors do not fit together")
	}
	return v, nil
}

// maxDim bounds the dimension of vectors, so that products fit into 32 bits.
const maxDim = 1024

package fif

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/recording"
	"gonum.org/v1/gonum/mat"
)

// Projector is a pattern of interference that signal-space projection (SSP) takes out of the samples, or an average reference.
type Projector struct {
	Description string
	Kind        int  // FIFFV_PROJ_ITEM_...: 1 field, 10 average EEG reference ...
	Active      bool // it has been applied to the samples in the file
	Channels    []string
	Vectors     [][]float64 // each with one value a channel
}

func (f *File) projectors(b *block, renamed map[string]string) ([]Projector, error) {
	all := b.first(blockProjectors)
	if all == nil {
		return nil, nil
	}
	var out []Projector
	for _, item := range all.all(blockProjector) {
		p, err := f.projector(item, renamed)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (f *File) projector(b *block, renamed map[string]string) (Projector, error) {
	var p Projector
	var err error
	missing := func(what string) (Projector, error) {
		return p, f.broken(-1, "a projector without "+what, "one with kind, number of vectors, channels and vectors")
	}
	t, ok := b.tag(kindComment)
	if !ok {
		t, ok = b.tag(kindName)
	}
	if ok {
		if p.Description, err = f.text(t); err != nil {
			return p, err
		}
	}
	if t, ok = b.tag(kindProjectorKind); !ok {
		return missing("a kind")
	}
	kind, err := f.int(t)
	if err != nil {
		return p, err
	}
	p.Kind = int(kind)
	if t, ok = b.tag(kindProjectorCount); !ok {
		return missing("a number of vectors")
	}
	count, err := f.int(t)
	if err != nil {
		return p, err
	}
	if t, ok = b.tag(kindProjectorNames); !ok {
		return missing("channels")
	}
	if p.Channels, err = f.names(t); err != nil {
		return p, err
	}
	rename(p.Channels, renamed)
	if t, ok = b.tag(kindProjectorActive); ok {
		active, err := f.int(t)
		if err != nil {
			return p, err
		}
		p.Active = active != 0
	}
	if t, ok = b.tag(kindProjectorVectors); !ok {
		return missing("vectors")
	}
	elements, dims, err := f.matrix(t)
	if err != nil {
		return p, err
	}
	values, err := f.numbers(elements)
	if err != nil {
		return p, err
	}
	n := len(p.Channels)
	switch {
	case len(dims) == 2 && dims[0] == n && int64(dims[1]) == count && dims[1] != n: // transposed, as some software has written it
		p.Vectors = make([][]float64, count)
		for i := range p.Vectors {
			p.Vectors[i] = make([]float64, n)
			for k := range n {
				p.Vectors[i][k] = values[k*int(count)+i]
			}
		}
	case len(dims) == 2 && dims[1] == n && int64(dims[0]) == count:
		p.Vectors = make([][]float64, count)
		for i := range p.Vectors {
			p.Vectors[i] = values[i*n : (i+1)*n]
		}
	default:
		return p, f.broken(t.at, fmt.Sprintf("vectors of shape %v", dims), fmt.Sprintf("%d for each of %d channels", count, n))
	}
	return p, nil
}

// Projection gives an orthonormal basis of what the projectors take out of the samples of the channels: vectors of one value
// a channel. Bad channels take no part. The basis is empty when there is nothing to take out. Following MNE-Python, each
// vector is normalised over the channels that are there, and combinations weaker than a hundredth of the strongest are
// left out.
func (info *Info) Projection() ([][]float64, error) {
	at := map[string]int{}
	for i, c := range info.Channels {
		at[c.Name] = i
	}
	for _, name := range info.Bads {
		delete(at, name)
	}
	n := len(info.Channels)
	count := 0
	for _, p := range info.Projectors {
		count += len(p.Vectors)
	}
	if count > n {
		return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("%d projection vectors for %d channels", count, n), Expected: "fewer vectors than channels"}
	}
	var columns [][]float64
	for _, p := range info.Projectors {
		for _, v := range p.Vectors {
			column := make([]float64, n)
			for k, name := range p.Channels {
				if i, ok := at[name]; ok {
					column[i] = v[k]
				}
			}
			norm := mat.Norm(mat.NewVecDense(n, column), 2)
			if math.IsNaN(norm) || math.IsInf(norm, 0) {
				return nil, &recording.Error{Offset: -1, Found: "a projection vector that is not finite", Expected: "numbers"}
			}
			if norm > 0 {
				for i := range column {
					column[i] /= norm
				}
				columns = append(columns, column)
			}
		}
	}
	if len(columns) == 0 {
		return nil, nil
	}
	m := mat.NewDense(n, len(columns), nil)
	for j, column := range columns {
		m.SetCol(j, column)
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThin) {
		return nil, &recording.Error{Offset: -1, Found: "projection vectors whose singular values cannot be found", Expected: "others"}
	}
	var u mat.Dense
	svd.UTo(&u)
	strengths := svd.Values(nil)
	var basis [][]float64
	for j, s := range strengths {
		if s/strengths[0] > 1e-2 {
			basis = append(basis, mat.Col(nil, j, &u))
		}
	}
	if len(basis) >= n {
		return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("%d projection vectors for %d channels", len(basis), n),
			Expected: "fewer vectors than channels"}
	}
	return basis, nil
}

package fit

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// rowsOf returns the length of the first axis that the tensors share.
func rowsOf(what string, data []*tensors.Tensor) (int, error) {
	if len(data) == 0 {
		return 0, fmt.Errorf("%s holds no tensor", what)
	}
	for i, t := range data {
		switch {
		case t == nil || !t.Ok():
			return 0, fmt.Errorf("%s[%d] is nil or finalized", what, i)
		case t.Rank() == 0 || t.Size() == 0:
			return 0, fmt.Errorf("%s[%d] has shape %s; it must have a first axis of examples, and no empty axis", what, i, t.Shape())
		case t.Shape().Dimensions[0] != data[0].Shape().Dimensions[0]:
			return 0, fmt.Errorf("%s[%d] has %d rows (shape %s), but %s[0] has %d (shape %s): the first axes must agree",
				what, i, t.Shape().Dimensions[0], t.Shape(), what, data[0].Shape().Dimensions[0], data[0].Shape())
		}
	}
	return data[0].Shape().Dimensions[0], nil
}

// batchReader gathers rows into tensors that it uses again for each batch of the same size.
type batchReader struct {
	data    []*tensors.Tensor
	rows    int
	batches map[int][]*tensors.Tensor // by number of rows
}

func newBatchReader(data []*tensors.Tensor) batchReader {
	r := batchReader{data: data, batches: map[int][]*tensors.Tensor{}}
	if len(data) > 0 {
		r.rows = data[0].Shape().Dimensions[0]
	}
	return r
}

// read returns the given rows of every tensor. They are valid until the next read of as many rows.
func (r *batchReader) read(rows []int) ([]*tensors.Tensor, error) {
	batch := r.batches[len(rows)]
	if batch == nil {
		for _, t := range r.data {
			shape := t.Shape().Clone()
			shape.Dimensions[0] = len(rows)
			batch = append(batch, tensors.FromShape(shape))
		}
		r.batches[len(rows)] = batch
	}
	for i, t := range r.data {
		err := t.ConstBytes(func(from []byte) {
			width := len(from) / r.rows
			batch[i].MutableBytes(func(to []byte) {
				for j, row := range rows {
					copy(to[j*width:(j+1)*width], from[row*width:])
				}
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return batch, nil
}

func (r *batchReader) free() {
	for _, batch := range r.batches {
		for _, t := range batch {
			t.MustFinalizeAll()
		}
	}
	r.batches = nil
}

// copyTensor copies bytes between tensors of one shape.
func copyTensor(to, from *tensors.Tensor) error {
	return from.ConstBytes(func(src []byte) { to.MutableBytes(func(dst []byte) { copy(dst, src) }) })
}

// order returns the rows of the training data in the order of an epoch.
func (t *training) order(epoch int) []int {
	n := t.trainRead.rows
	if t.o.InOrder {
		rows := make([]int, n)
		for i := range rows {
			rows[i] = i
		}
		return rows
	}
	return rand.New(rand.NewPCG(uint64(t.o.Seed), uint64(streamSeed(t.o.Seed, "shuffle", epoch)))).Perm(n)
}

// streamSeed derives the seed of an independent stream of random numbers.
func streamSeed(seed int64, stream string, epoch int) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", seed, stream, epoch)
	return int64(rand.NewPCG(h.Sum64(), uint64(seed)).Uint64() >> 1)
}

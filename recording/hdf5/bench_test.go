package hdf5

import (
	"os"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// BenchmarkRead reads the sets that testdata/bench.py writes, which runs it and h5py one after the other.
func BenchmarkRead(b *testing.B) {
	path := os.Getenv("GYRUS_HDF5_BENCH")
	if path == "" {
		b.Skip("GYRUS_HDF5_BENCH is not set: run testdata/bench.py")
	}
	f, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		name, set string
		read      func(d *Dataset) (*recording.Array, error)
	}{
		{"contiguous", "contiguous", whole},
		{"deflate", "deflate", whole},
		{"shuffle-deflate", "shuffle", whole},
		{"lzf", "lzf", whole},
		{"column-of-contiguous", "contiguous", column},
		{"column-of-deflate", "deflate", column},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				d, err := f.Dataset(c.set)
				if err != nil {
					b.Fatal(err)
				}
				x, err := c.read(d)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(x.Len() * 4))
				f.chunks = chunkCache{}
			}
		})
	}
}

func whole(d *Dataset) (*recording.Array, error) { return d.Read(Slab{}) }

func column(d *Dataset) (*recording.Array, error) {
	return d.Read(Slab{Start: []int{0, 5}, Count: []int{d.Dims()[0], 1}})
}

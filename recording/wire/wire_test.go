package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"
)

// TestRead holds Read against encoding/binary for every type and both byte orders.
func TestRead(t *testing.T) {
	for _, bo := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		same(t, bo, []int8{-128, 0, 127})
		same(t, bo, []uint8{0, 255})
		same(t, bo, []int16{-32768, 1, 258})
		same(t, bo, []uint16{65535, 1})
		same(t, bo, []int32{math.MinInt32, 66051})
		same(t, bo, []uint32{math.MaxUint32, 66051})
		same(t, bo, []int64{math.MinInt64, 1 << 40})
		same(t, bo, []uint64{math.MaxUint64, 1 << 40})
		same(t, bo, []float32{1.5, -2e30, float32(math.Inf(1))})
		same(t, bo, []float64{1.5, -2e300, math.Inf(-1)})
		same(t, bo, []complex64{1 - 2i, 3.5i})
		same(t, bo, []complex128{1 - 2i, 3.5i})
		long := make([]float64, 3*firstGrowth/8+7) // more than one allocation's worth
		for i := range long {
			long[i] = float64(i)
		}
		same(t, bo, long)
		same(t, bo, []float64{})
	}
}

func same[T Fixed](t *testing.T, bo binary.ByteOrder, want []T) {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, bo, want); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	for _, there := range []int64{0, 8, int64(len(raw))} {
		r := bytes.NewReader(append(bytes.Clone(raw), "behind"...))
		got, err := Read[T](r, len(want), bo, there)
		if err != nil || !slices.Equal(got, want) || r.Len() != len("behind") {
			t.Errorf("%v, %d there: read %v, %v, want %v; %d bytes left", bo, there, got, err, want, r.Len())
		}
		if len(raw) > 0 {
			if _, err := Read[T](bytes.NewReader(raw[:len(raw)-1]), len(want), bo, there); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, %d there: cut short gives %v", bo, there, err)
			}
		}
	}
	var ours bytes.Buffer
	if err := Write(&ours, want); err != nil {
		t.Fatal(err)
	}
	back, err := Read[T](&ours, len(want), binary.LittleEndian, 0)
	if err != nil || !slices.Equal(back, want) {
		t.Errorf("written %v, read %v, %v", want, back, err)
	}
}

// TestSwap writes as a machine of the other byte order would, and compares with encoding/binary.
func TestSwap(t *testing.T) {
	want := []complex64{1 - 2i, 3.5i}
	got := slices.Clone(want)
	swap(got)
	if slices.Equal(got, want) {
		t.Error("swapping changed nothing")
	}
	swap(got)
	if !slices.Equal(got, want) {
		t.Errorf("swapping twice gives %v, want %v", got, want)
	}
}

// TestReadTakesNoPromises asks for a billion numbers of which ten are there.
func TestReadTakesNoPromises(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read[float64](bytes.NewReader(make([]byte, 80)), 1<<30, binary.LittleEndian, 0)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 2*firstGrowth {
		t.Errorf("%d bytes allocated", n)
	}
}

func BenchmarkRead(b *testing.B) {
	raw := make([]byte, 64<<20)
	for name, bo := range map[string]binary.ByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := Read[float64](bytes.NewReader(raw), len(raw)/8, bo, int64(len(raw))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package htm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/simulate/stream"
)

// discreteInput returns the columns of each element of the paper's stream.
func discreteInput(tb testing.TB, elements int) [][]int {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	s, err := stream.HighOrder().Draw(stream.SymbolOptions{Elements: elements, Noise: 5000, SwapAt: elements / 2}, rng)
	if err != nil {
		tb.Fatal(err)
	}
	codes, err := NewCodes(2048, 41, rng)
	if err != nil {
		tb.Fatal(err)
	}
	input := make([][]int, elements)
	for i, v := range s.Values {
		input[i] = codes.Code(v)
	}
	return input
}

// BenchmarkMemory presents the paper's whole discrete stream, 20000 elements, to the paper's network, learning all the time.
func BenchmarkMemory(b *testing.B) {
	input := discreteInput(b, 20000)
	var m *Memory
	for b.Loop() {
		var err error
		if m, err = NewMemory(Discrete(), 1); err != nil {
			b.Fatal(err)
		}
		for _, columns := range input {
			if err := m.Step(columns, true); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(input))/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(m.Bytes())/float64(m.Synapses()), "bytes/synapse")
	b.ReportMetric(float64(m.Segments()), "segments")
}

// BenchmarkLSTM is one training step of the LSTM baseline: ten chunks of a hundred elements.
func BenchmarkLSTM(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	l := newLSTM(codeLength, lstmUnits, codeLength, rng)
	x := make([]float32, 10*lstmChunk*codeLength)
	for i := range x {
		x[i] = float32(2*rng.Float64() - 1)
	}
	for b.Loop() {
		l.learn(x, x, lstmChunk, 10, lstmRate)
	}
}

// TestWriteStream writes the paper's stream and what the memory makes of it for bench/htm to compare other implementations with.
func TestWriteStream(t *testing.T) {
	path := os.Getenv("HTM_STREAM")
	if path == "" {
		t.Skip("only bench/htm needs the stream in a file")
	}
	elements, err := strconv.Atoi(os.Getenv("HTM_ELEMENTS"))
	if err != nil {
		t.Fatal(err)
	}
	input := discreteInput(t, elements)
	m, err := NewMemory(Discrete(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var stream, reached strings.Builder
	counts := make([][2]int, len(input))
	start := time.Now()
	for i, columns := range input {
		if err := m.Step(columns, true); err != nil {
			t.Fatal(err)
		}
		counts[i] = [2]int{len(m.ActiveCells()), m.PredictedColumns()}
	}
	seconds := time.Since(start).Seconds()
	fmt.Fprintf(&reached, "gyrus %.0f records/s over %d records, %d segments, %d synapses, %.1f bytes per synapse\n",
		float64(len(input))/seconds, len(input), m.Segments(), m.Synapses(), float64(m.Bytes())/float64(m.Synapses()))
	for i, columns := range input {
		fmt.Fprintln(&stream, strings.Trim(fmt.Sprint(columns), "[]"))
		fmt.Fprintln(&reached, counts[i][0], counts[i][1])
	}
	for name, text := range map[string]string{path: stream.String(), path + ".result": reached.String()} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

package lazy

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

const rate = 250

// noise is a recording of integrated noise with an offset, which is what real signals look like, and a trigger channel.
func noise(channels, frames int, gaps ...recording.Gap) *recording.Recording {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &recording.Recording{Rate: rate, Frames: int64(frames), Gaps: gaps}
	data := make([]float32, frames*(channels+1))
	level := make([]float64, channels)
	for c := range channels {
		r.Channels = append(r.Channels, recording.Channel{Name: string(rune('a' + c)), Type: "eeg"})
		level[c] = 100 * rng.NormFloat64()
	}
	r.Channels = append(r.Channels, recording.Channel{Name: "trigger", Type: "stim"})
	for t := range frames {
		for c := range channels {
			level[c] += rng.NormFloat64()
			data[t*(channels+1)+c] = float32(level[c])
		}
		data[t*(channels+1)+channels] = float32(t % 7)
	}
	r.Samples = recording.Memory{Data: data, Channels: channels + 1}
	return r
}

func design(t *testing.T, kind string) signal.Filter {
	t.Helper()
	var f signal.Filter
	var err error
	switch kind {
	case "fir":
		f, err = signal.FIRDesign{Low: 8, High: 30}.Design(rate)
	case "fir high-pass":
		f, err = signal.FIRDesign{Low: 0.5}.Design(rate)
	case "iir":
		f, err = signal.BandPass(4, 8, 30, rate)
	case "iir high-pass":
		f, err = signal.HighPass(4, 0.1, rate)
	case "notch":
		f, err = signal.Notch(50, 30, rate)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFilterIsThatOfTheWholeSignal(t *testing.T) {
	for _, kind := range []string{"fir", "fir high-pass", "iir", "iir high-pass", "notch"} {
		for _, causal := range []bool{false, true} {
			f := design(t, kind)
			r := noise(19, 160000, recording.Gap{Frame: 20000, Seconds: 1}, recording.Gap{Frame: 150000, Seconds: 2})
			got, err := Filter(r, f, Options{Causal: causal})
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range stretches(r) {
				n := int(part.end - part.first)
				want, err := signal.Matrix(r, part.first, n)
				if err != nil {
					t.Fatal(err)
				}
				eeg := want.Slice(0, 19, 0, n).(*mat.Dense)
				if causal {
					for c := range 19 {
						copy(eeg.RawRowView(c), f.Filter(eeg.RawRowView(c)))
					}
				} else if err := f.ZeroPhase(eeg); err != nil {
					t.Fatal(err)
				}
				have, err := signal.Matrix(got, part.first, n)
				if err != nil {
					t.Fatal(kind, err)
				}
				worst, largest := 0.0, 0.0
				for c := range 20 {
					for i, v := range want.RawRowView(c) {
						worst, largest = max(worst, math.Abs(v-have.At(c, i))), max(largest, math.Abs(v))
					}
				}
				if !(worst <= 1e-6*largest) { // float32
					t.Errorf("%s, causal %v, frames %d to %d: off by %g where the largest value is %g", kind, causal, part.first, part.end, worst, largest)
				}
			}
		}
	}
}

func TestAnyOrderOfReading(t *testing.T) {
	got, err := Filter(noise(3, 30000, recording.Gap{Frame: 10000, Seconds: 1}), design(t, "iir"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := got.Read(0, 30000)
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []int64{25000, 9990, 0, 29999, 17} {
		n := int(min(5000, 30000-first))
		part, err := got.Read(first, n)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range part {
			if v != all[int(first)*4+i] {
				t.Fatalf("from frame %d: value %d is %v, and %v when read from the front", first, i, v, all[int(first)*4+i])
			}
		}
	}
	if n, err := got.Samples.ReadFrames(make([]float32, 40), 29995); n != 5 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d frames and %v", n, err)
	}
}

func TestRefusals(t *testing.T) {
	short, err := Filter(noise(2, 100), design(t, "fir high-pass"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.Read(0, 100); err == nil || !strings.Contains(err.Error(), "100 samples without a gap") {
		t.Errorf("a short recording: %v", err)
	}
	r := noise(2, 1000)
	r.Samples.(recording.Memory).Data[3*500] = float32(math.NaN())
	bad, err := Filter(r, design(t, "iir"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bad.Read(0, 1000); err == nil || !strings.Contains(err.Error(), "channel a") || !strings.Contains(err.Error(), "frame 500") {
		t.Errorf("not a number: %v", err)
	}
	slow, err := signal.HighPass(4, 1e-6, rate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Filter(noise(2, 1000), slow, Options{}); err == nil || !strings.Contains(err.Error(), "causally") {
		t.Errorf("a filter that rings for days: %v", err)
	}
	if _, err := Filter(&recording.Recording{Channels: []recording.Channel{{Type: "stim"}}}, slow, Options{}); err == nil {
		t.Error("a recording of nothing but triggers was taken")
	}
}

func TestMontage(t *testing.T) {
	r := noise(4, 3000)
	m, err := signal.CommonAverage([]string{"a", "b", "c", "d"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Montage(r, m, []int{0, 1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	x, err := got.Read(0, 3000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if sum := x[5*i] + x[5*i+1] + x[5*i+2] + x[5*i+3]; math.Abs(float64(sum)) > 1e-3 || x[5*i+4] != float32(i%7) {
			t.Fatalf("frame %d: the channels sum to %v, the trigger is %v", i, sum, x[5*i+4])
		}
	}
}

// endless is a source of that many frames without memory.
type endless int

func (endless) Close() error { return nil }
func (channels endless) ReadFrames(dst []float32, first int64) (int, error) {
	for i := range dst {
		dst[i] = float32((first*int64(channels) + int64(i)) % 97)
	}
	return len(dst) / int(channels), nil
}

// TestMemory filters 256 MB of samples and then 1 GB and holds the memory in use to the same bound.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("filters a gigabyte")
	}
	for _, kind := range []string{"fir", "iir"} {
		for _, frames := range []int64{1 << 20, 4 << 20} {
			r := &recording.Recording{Channels: make([]recording.Channel, 64), Rate: rate, Frames: frames, Samples: endless(64)}
			got, err := Filter(r, design(t, kind), Options{})
			if err != nil {
				t.Fatal(err)
			}
			most := uint64(0)
			block := make([]float32, 64*4096)
			for first := int64(0); first < frames; first += 4096 {
				if _, err := got.Samples.ReadFrames(block, first); err != nil {
					t.Fatal(err)
				}
				if first%(1<<18) == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapInuse)
				}
			}
			t.Logf("%s, %d MB of samples: %d MB in use", kind, frames*256>>20, most>>20)
			if most > 160<<20 {
				t.Errorf("%s, %d MB of samples: %d MB in use", kind, frames*256>>20, most>>20)
			}
		}
	}
}

func TestWelchIsThatOfTheWholeSignal(t *testing.T) {
	r := noise(3, 50001)
	x, err := signal.Matrix(r, 0, 50001, 0, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []spectrum.Welch{{Segment: 500}, {Segment: 501, Step: 100}} {
		want, err := w.PSD(x, rate)
		if err != nil {
			t.Fatal(err)
		}
		// Channels many times over, so that it takes pieces.
		var channels []int
		for range 50 {
			channels = append(channels, 0, 1, 2)
		}
		got, err := Welch(r, w, 0, r.Frames, channels...)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 150 {
			for i := range want.Frequencies {
				if a, b := want.Power.At(c%3, i), got.Power.At(c, i); math.Abs(a-b) > 1e-9*a {
					t.Fatalf("segments of %d: channel %d at %g Hz is %g, want %g", w.Segment, c, want.Frequencies[i], b, a)
				}
			}
		}
	}
	if _, err := Welch(noise(1, 1000, recording.Gap{Frame: 500, Seconds: 1}), spectrum.Welch{Segment: 501}, 0, 1000, 0); err == nil || !strings.Contains(err.Error(), "has 500") {
		t.Errorf("segments longer than any stretch: %v", err)
	}
}

// TestMultitaperIsTheMeanOverWindows compares with the windows one by one, across pieces and gaps.
func TestMultitaperIsTheMeanOverWindows(t *testing.T) {
	const window = 700
	gap := recording.Gap{Frame: 8000, Seconds: 1}
	r := noise(2, 16001, gap)
	m := spectrum.Multitaper{Bandwidth: 4}
	var want *spectrum.PSD
	count := 0.0
	for _, part := range [][2]int64{{100, 8000}, {8000, 15900}} {
		for at := part[0]; at+window <= part[1]; at += window {
			x, err := signal.Matrix(r, at, window, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			psd, err := m.PSD(x, rate)
			if err != nil {
				t.Fatal(err)
			}
			if count++; want == nil {
				want = psd
			} else {
				want.Power.Add(want.Power, psd.Power)
			}
		}
	}
	var channels []int // many times over, so that it takes pieces
	for range 300 {
		channels = append(channels, 0, 1)
	}
	got, err := Multitaper(r, m, window, 100, 15900, channels...)
	if err != nil {
		t.Fatal(err)
	}
	for c := range channels {
		for i := range want.Frequencies {
			if a, b := want.Power.At(c%2, i)/count, got.Power.At(c, i); math.Abs(a-b) > 1e-9*a || got.Frequencies[i] != want.Frequencies[i] {
				t.Fatalf("channel %d at %g Hz is %g, want %g", c, want.Frequencies[i], b, a)
			}
		}
	}
	for _, c := range []struct {
		window     int
		first, end int64
		channels   []int
		says       string
	}{{1, 0, 100, []int{0}, "windows of 1"}, {8002, 0, 16001, []int{0}, "longest stretch without a gap has 8001"}, {10, -1, 100, []int{0}, "frames -1"}, {10, 0, 16002, []int{0}, "frames 0 to 16002"}, {10, 0, 100, nil, "no channels"}} {
		if _, err := Multitaper(r, m, c.window, c.first, c.end, c.channels...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

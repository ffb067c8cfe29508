// Command signal times package signal and its sub-packages beside SciPy, MNE-Python, scikit-learn and python-picard on the same work, in one
// run, and prints the ratios:
//
//	go run ./bench/signal [-python python3] [-only name,name] [-turns 6] [-quick]
//
// A peer that the Python interpreter cannot import is left out and named. The sides take turns, several times; what is compared are the
// medians, and the fastest are said too. Both may use all processors; as NumPy's linear algebra is often faster with one thread, and
// much slower with two where the processors are not idle, its turns are with one and with all in turn, and the faster of the two medians counts.
// What is read or generated is in memory before the clock starts. The work "memory" filters a file of 4 GB in a process of its own and says
// how much memory that took at its peak. Where a bar was set, it is said whether it is met. With -quick the signals are a tenth as long.
package main

import (
	"bufio"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/epoch"
	"github.com/gyrus-dev/gyrus/signal/ica"
	"github.com/gyrus-dev/gyrus/signal/lazy"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

//go:embed peers.py
var peersScript string

// bar is how many times as fast as a peer the work must be, and how many it aims at; 0 where nothing was set.
type bar struct{ must, aim float64 }

// said words whether a ratio meets the bar.
func (b bar) said(ratio float64) string {
	switch {
	case b.must == 0:
		return ""
	case ratio >= b.aim:
		return fmt.Sprintf("; must %gx and aim %gx met", b.must, b.aim)
	case ratio >= b.must:
		return fmt.Sprintf("; must %gx met, aim %gx not", b.must, b.aim)
	}
	return fmt.Sprintf("; must %gx not met", b.must)
}

// work is one line of the table.
type work struct {
	name, what string
	bar        bar  // against the first of the peers
	long       bool // it takes the peers a minute or more: half the turns
	// prepare makes the data, writes to dir what the peers are to read, and returns what to time, which may add a remark to its line.
	prepare func(dir string) (run func() (remark string), err error)
	peers   []string // names that peers.py knows
}

func main() {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreter that has the peers")
	only := flag.String("only", "", "the works to do, by name; all if empty")
	quick := flag.Bool("quick", false, "a tenth of the data")
	turns := flag.Int("turns", 6, "how often each side does a work; of those that take a minute, half as often")
	filtering := flag.String("filter", "", "filter this file and write it beside (what the bench starts itself)")
	flag.Parse()
	if *filtering != "" {
		if err := filterFile(*filtering); err != nil {
			log.Fatal(err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "bench-signal")
	if err != nil {
		log.Fatal(err)
	}
	err = bench(dir, *python, *only, max(2, *turns), *quick)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func bench(dir, python, only string, turns int, quick bool) error {
	part := 1
	if quick {
		part = 10
	}
	fmt.Printf("%s on %s, %d CPUs; medians of %d turns, of long works %d\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU(), turns, max(2, turns/2))
	p, err := startPeers(dir, python, part)
	if err != nil {
		fmt.Printf("all peers are left out: %v\n", err)
	} else {
		defer p.close()
		for name, version := range p.versions {
			if version == "" {
				fmt.Printf("peer %s is absent and left out\n", name)
			}
		}
	}
	wanted := func(name string) bool { return only == "" || slices.Contains(strings.Split(only, ","), name) }
	for _, one := range works(part) {
		if !wanted(one.name) {
			continue
		}
		run, err := one.prepare(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		var ours []float64
		theirs := map[string]*[2][]float64{} // with one thread, and with all
		remark, remarks, failed := "", map[string]string{}, map[string]error{}
		times := turns
		if one.long {
			times = max(2, turns/2)
		}
		for turn := range times {
			runtime.GC()
			begin := time.Now()
			remark = run()
			ours = append(ours, time.Since(begin).Seconds())
			for _, name := range one.peers {
				if p == nil || !p.has(name) || failed[name] != nil {
					continue
				}
				seconds, said, err := p.run(one.name, name)
				if err != nil {
					failed[name] = err
					continue
				}
				if theirs[name] == nil {
					theirs[name] = &[2][]float64{}
				}
				theirs[name][turn%2] = append(theirs[name][turn%2], seconds)
				remarks[name] = said
			}
		}
		fmt.Printf("%s: %s\n    %-22s %s%s\n", one.name, one.what, "gyrus", summary(ours), bracket(remark))
		for i, name := range one.peers {
			switch t := theirs[name]; {
			case failed[name] != nil:
				fmt.Printf("    %-22s left out: %v\n", p.title(name), failed[name])
			case t != nil:
				best := t[0]
				if median(t[1]) < median(t[0]) {
					best = t[1]
				}
				ratio := median(best) / median(ours)
				b := bar{}
				if i == 0 {
					b = one.bar
				}
				fmt.Printf("    %-22s %s%s: gyrus is %.2f times as fast%s\n", p.title(name), summary(best), bracket(remarks[name]), ratio, b.said(ratio))
			}
		}
	}
	if wanted("memory") {
		return memory(dir, 4000/part)
	}
	return nil
}

// median is the middle of values, or the mean of the two in the middle; infinite of none.
func median(values []float64) float64 {
	sorted, n := slices.Sorted(slices.Values(values)), len(values)
	if n == 0 {
		return math.Inf(1)
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func summary(values []float64) string {
	return fmt.Sprintf("%s (fastest %s)", duration(median(values)), duration(slices.Min(values)))
}

// The bars of the streaming filter's memory, MB.
const (
	mostMemory = 200
	aimMemory  = 100
)

// memory filters a file of so many megabytes in a process of its own.
func memory(dir string, mb int) error {
	path := filepath.Join(dir, "long.edf")
	r := &recording.Recording{Rate: 500, Frames: int64(mb) * 1e6 / 2 / 64 / 500 * 500, Samples: endless{64}}
	var ranges []edf.Signal
	for i := range 64 {
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprint("E", i+1), Type: "eeg", Unit: "uV"})
		ranges = append(ranges, edf.Signal{PhysicalMin: -3276.8, PhysicalMax: 3276.7, DigitalMin: -32768, DigitalMax: 32767})
	}
	fmt.Printf("memory: band-pass 8-30 Hz of 64 channels at 500 Hz from a file of %d MB to another\n", mb)
	if err := edf.Save(path, r, edf.Options{Signals: ranges}); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	begin := time.Now()
	command := exec.Command(self, "-filter", path)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return err
	}
	var peak float64
	if _, err := fmt.Sscan(string(out), &peak); err != nil {
		fmt.Println("    this system does not tell how much memory a process took")
		return nil
	}
	verdict := fmt.Sprintf("must under %d MB not met", mostMemory)
	switch {
	case peak < aimMemory:
		verdict = fmt.Sprintf("must under %d MB and aim under %d MB met", mostMemory, aimMemory)
	case peak < mostMemory:
		verdict = fmt.Sprintf("must under %d MB met, aim under %d MB not", mostMemory, aimMemory)
	}
	fmt.Printf("    %-22s %.0f MB at the peak, %s; %s\n", "gyrus", peak, duration(time.Since(begin).Seconds()), verdict)
	return nil
}

// filterFile filters a recording into a file beside it, as gyrus filter does, and prints how much memory it took at the peak, MB, where the
// system tells.
func filterFile(path string) error {
	r, err := recording.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := signal.FIRDesign{Low: 8, High: 30}.Design(r.Rate)
	if err != nil {
		return err
	}
	clean, err := lazy.Filter(r, f, lazy.Options{})
	if err != nil {
		return err
	}
	if err := export.Recording(path+".filtered.edf", clean, export.Options{}); err != nil {
		return err
	}
	// The kernel's figure for a child counts what its parent held when it was started; this one does not.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			fmt.Println(kb * 1024 / 1e6)
		}
	}
	return nil
}

// endless is a source of noise that is cheap to make.
type endless struct{ channels int }

// ReadFrames implements recording.Source.
func (e endless) ReadFrames(dst []float32, first int64) (int, error) {
	state := uint64(first)*2862933555777941757 + 3037000493
	for i := range dst {
		state = state*6364136223846793005 + 1442695040888963407
		dst[i] = float32(int32(state>>40)%2000-1000) / 10
	}
	return len(dst) / e.channels, nil
}

// Close implements recording.Source.
func (endless) Close() error { return nil }

func duration(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.1f ms", 1e3*seconds)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

func bracket(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func works(part int) []work {
	hour := 3600 * 500 / part
	tenMinutes := 600 * 250 / part
	filter := func(f signal.Filter, err error) func(string) (func() string, error) {
		return func(string) (func() string, error) {
			if err != nil {
				return nil, err
			}
			x := noise(64, hour)
			return func() string {
				if err := f.ZeroPhase(x); err != nil {
					log.Fatal(err)
				}
				return ""
			}, nil
		}
	}
	butterworth, err1 := signal.BandPass(4, 8, 30, 500)
	fir, err2 := signal.FIRDesign{Low: 8, High: 30}.Design(500)
	length := fmt.Sprintf("64 channels, %d s at 500 Hz", hour/500)
	unmix := func(o ica.Options) func(dir string) (func() string, error) {
		return func(dir string) (func() string, error) {
			x := mixture(64, tenMinutes)
			if err := writeFile(filepath.Join(dir, "mixture"), x.RawMatrix().Data); err != nil {
				return nil, err
			}
			return func() string {
				fit, err := ica.Fit(x, o)
				if err != nil {
					log.Fatal(err)
				}
				return fmt.Sprint(fit.Iterations, " passes")
			}, nil
		}
	}
	mixed := fmt.Sprintf("64 channels, %d s at 250 Hz", tenMinutes/250)
	onNoise := func(f func(x *mat.Dense) error) func(string) (func() string, error) {
		return func(string) (func() string, error) {
			x := noise(64, tenMinutes)
			return func() string {
				if err := f(x); err != nil {
					log.Fatal(err)
				}
				return ""
			}, nil
		}
	}
	subjects := max(1, 20/part)
	return []work{
		{name: "butterworth", what: "zero-phase band-pass, order 4, " + length, bar: bar{2, 5}, prepare: filter(butterworth, err1), peers: []string{"scipy"}},
		{name: "fir", what: "zero-phase band-pass, 825 taps, " + length, bar: bar{2, 5}, prepare: filter(fir, err2), peers: []string{"mne"}},
		{name: "decode", what: fmt.Sprintf("epochs, CSP and LDA in 10 folds, %d subjects of 288 trials, 22 channels of 4 s at 250 Hz", subjects), bar: bar{3, 8}, long: true,
			prepare: decode(subjects), peers: []string{"mne"}},
		{name: "infomax", what: "5 passes, " + mixed, bar: bar{1.5, 3}, prepare: unmix(ica.Options{Method: ica.Infomax, Iterations: 5, Tolerance: 1e-300}), peers: []string{"mne"}},
		{name: "extended", what: "extended Infomax, 5 passes, " + mixed, bar: bar{1.5, 3},
			prepare: unmix(ica.Options{Method: ica.ExtendedInfomax, Iterations: 5, Tolerance: 1e-300}), peers: []string{"mne"}},
		{name: "converged", what: "extended Infomax to convergence (Picard by another way to the same), " + mixed, long: true, bar: bar{1.5, 3},
			prepare: unmix(ica.Options{Method: ica.ExtendedInfomax}), peers: []string{"mne", "picard"}},
		{name: "fastica", what: "to convergence, " + mixed, prepare: unmix(ica.Options{Method: ica.FastICA}), peers: []string{"sklearn", "picard"}},
		{name: "welch", what: "1024 samples a segment, " + mixed, prepare: onNoise(func(x *mat.Dense) error {
			_, err := spectrum.Welch{Segment: 1024}.PSD(x, 250)
			return err
		}), peers: []string{"scipy"}},
		{name: "morlet", what: "10 frequencies, " + mixed, prepare: onNoise(func(x *mat.Dense) error {
			_, err := spectrum.Morlet{Frequencies: []float64{4, 6, 8, 10, 13, 16, 20, 25, 32, 40}}.Transform(x.Slice(0, 8, 0, tenMinutes).(*mat.Dense), 250)
			return err
		}), peers: []string{"mne"}},
		{name: "resample", what: "250 to 160 Hz, " + mixed, prepare: onNoise(func(x *mat.Dense) error {
			_, err := signal.Resampling{Up: 16, Down: 25}.Apply(x)
			return err
		}), peers: []string{"scipy"}},
	}
}

func noise(channels, samples int) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(channels, samples, nil)
	for i := range x.RawMatrix().Data {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	return x
}

// mixture mixes as many sources as channels, a third each with heavy tails, with light ones, and with very heavy ones.
func mixture(channels, samples int) *mat.Dense {
	rng := rand.New(rand.NewPCG(2, 2))
	sources := mat.NewDense(channels, samples, nil)
	sources.Apply(func(c, _ int, _ float64) float64 {
		switch c % 3 {
		case 0:
			return rng.ExpFloat64() * math.Copysign(1, rng.Float64()-0.5)
		case 1:
			return rng.Float64() - 0.5
		}
		return rng.NormFloat64() * rng.ExpFloat64()
	}, sources)
	mixing := mat.NewDense(channels, channels, nil)
	mixing.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, mixing)
	var x mat.Dense
	x.Mul(mixing, sources)
	return &x
}

// decode is the textbook's decoder of imagined movement, cross-validated over ten stretches of consecutive trials.
func decode(subjects int) func(dir string) (func() string, error) {
	const channels, trials, spacing, rate, filters, folds = 22, 288, 1125, 250, 6, 10
	return func(dir string) (func() string, error) {
		var recordings []*mat.Dense
		var events []recording.Event
		for i := range trials {
			events = append(events, recording.Event{Onset: float64(i*spacing) / rate, Label: []string{"left", "right"}[i%2]})
		}
		described := make([]recording.Channel, channels)
		for s := range subjects {
			rng := rand.New(rand.NewPCG(3, uint64(s)))
			x := mat.NewDense(channels, trials*spacing, nil)
			mixing := mat.NewDense(channels, channels, nil)
			mixing.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, mixing)
			sources := mat.NewDense(channels, trials*spacing, nil)
			sources.Apply(func(c, t int, _ float64) float64 {
				v := rng.NormFloat64()
				if class := t / spacing % 2; c == class {
					v *= 1.06
				}
				return v
			}, sources)
			x.Mul(mixing, sources)
			recordings = append(recordings, x)
			if err := writeFile(filepath.Join(dir, fmt.Sprint("subject", s)), x.RawMatrix().Data); err != nil {
				return nil, err
			}
		}
		return func() string {
			right := 0
			for _, x := range recordings {
				epochs, err := epoch.CutMatrix(x, described, rate, events, epoch.Window{To: 4 - 1.0/rate})
				if err != nil {
					log.Fatal(err)
				}
				classes, err := epochs.Classes("left", "right")
				if err != nil {
					log.Fatal(err)
				}
				covariances, err := signal.Covariances(epochs.Trials)
				if err != nil {
					log.Fatal(err)
				}
				for k := range folds {
					// As scikit-learn's KFold: the first folds are one larger.
					first := k*(trials/folds) + min(k, trials%folds)
					last := first + trials/folds
					if k < trials%folds {
						last++
					}
					train := append(append([]*mat.SymDense(nil), covariances[:first]...), covariances[last:]...)
					labels := append(append([]int(nil), classes[:first]...), classes[last:]...)
					csp, err := signal.FitCSPCovariances(train, labels, filters, 0)
					if err != nil {
						log.Fatal(err)
					}
					var features [][]float64
					for _, c := range train {
						features = append(features, csp.CovarianceFeatures(c, epochs.Samples()))
					}
					lda, err := signal.FitLDA(features, labels, 2, 0)
					if err != nil {
						log.Fatal(err)
					}
					for i := first; i < last; i++ {
						if lda.Predict(csp.CovarianceFeatures(covariances[i], epochs.Samples())) == classes[i] {
							right++
						}
					}
				}
			}
			return fmt.Sprintf("accuracy %.3f", float64(right)/float64(subjects*trials))
		}, nil
	}
}

func writeFile(path string, x []float64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(w, binary.LittleEndian, x); err != nil {
		f.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// peers is a Python process that does works on demand.
type peers struct {
	command  *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	versions map[string]string // empty where the peer cannot be imported
}

func startPeers(dir, python string, part int) (*peers, error) {
	p := &peers{command: exec.Command(python, "-c", peersScript, dir, fmt.Sprint(part))}
	p.command.Stderr = os.Stderr
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err := p.answer(&p.versions); err != nil {
		return nil, fmt.Errorf("%s cannot run the peers: %w", python, err)
	}
	return p, nil
}

func (p *peers) answer(into any) error {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(line), into)
}

func (p *peers) has(name string) bool { return p.versions[name] != "" }

func (p *peers) title(name string) string { return strings.TrimSpace(name + " " + p.versions[name]) }

func (p *peers) run(work, peer string) (seconds float64, remark string, err error) {
	if _, err := fmt.Fprintln(p.in, work, peer); err != nil {
		return 0, "", err
	}
	var a struct {
		Seconds float64
		Remark  string
		Error   string
	}
	if err := p.answer(&a); err != nil {
		return 0, "", err
	}
	if a.Error != "" {
		return 0, "", fmt.Errorf("%s", a.Error)
	}
	return a.Seconds, a.Remark, nil
}

func (p *peers) close() {
	p.in.Close()
	if err := p.command.Wait(); err != nil {
		log.Print("the peers ended with ", err)
	}
}

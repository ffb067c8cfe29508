// Command signal times package signal and its sub-packages beside SciPy, MNE-Python, scikit-learn and python-picard on the same work, in one
// run, and prints the ratios:
//
//	go run ./bench/signal [-python python3] [-only name] [-quick]
//
// A peer that the Python interpreter cannot import is left out and named. The sides take turns, several times, and the fastest of each
// counts: other programs can only add to a time. Both may use all processors; as NumPy's linear algebra is often faster with one thread, and
// much slower with two where the processors are not idle, its turns are with one and with all in turn. What is read or generated is in memory
// before the clock starts. With -quick the signals are a tenth as long.
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
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/epoch"
	"github.com/gyrus-dev/gyrus/signal/ica"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

//go:embed peers.py
var peersScript string

// turns is how often each side does a work; of one that takes the peers a minute, half as often.
const turns = 4

// work is one line of the table.
type work struct {
	name, what string
	// prepare makes the data, writes to dir what the peers are to read, and returns what to time, which may add a remark to its line.
	prepare func(dir string) (run func() (remark string), err error)
	peers   []string // names that peers.py knows
}

func main() {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreter that has the peers")
	only := flag.String("only", "", "the work to do, by name; all if empty")
	quick := flag.Bool("quick", false, "a tenth of the data")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench-signal")
	if err != nil {
		log.Fatal(err)
	}
	err = bench(dir, *python, *only, *quick)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func bench(dir, python, only string, quick bool) error {
	part := 1
	if quick {
		part = 10
	}
	fmt.Printf("%s on %s, %d CPUs; the fastest of %d turns, of decode %d\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU(), turns, turns/2)
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
	for _, one := range works(part) {
		if only != "" && only != one.name {
			continue
		}
		run, err := one.prepare(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		ours, theirs := math.Inf(1), map[string]float64{}
		remark, remarks := "", map[string]string{}
		times := turns
		if one.name == "decode" {
			times /= 2
		}
		for range times {
			runtime.GC()
			begin := time.Now()
			remark = run()
			ours = min(ours, time.Since(begin).Seconds())
			for _, name := range one.peers {
				if p == nil || !p.has(name) {
					continue
				}
				seconds, said, err := p.run(one.name, name)
				if err != nil {
					return fmt.Errorf("%s by %s: %w", one.name, name, err)
				}
				if before, ok := theirs[name]; !ok || seconds < before {
					theirs[name] = seconds
				}
				remarks[name] = said
			}
		}
		fmt.Printf("%s: %s\n    %-22s %s%s\n", one.name, one.what, "gyrus", duration(ours), bracket(remark))
		for _, name := range one.peers {
			if seconds, ok := theirs[name]; ok {
				fmt.Printf("    %-22s %s%s: gyrus is %.2f times as fast\n", p.title(name), duration(seconds), bracket(remarks[name]), seconds/ours)
			}
		}
	}
	return nil
}

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
		{"butterworth", "zero-phase band-pass, order 4, " + length, filter(butterworth, err1), []string{"scipy"}},
		{"fir", "zero-phase band-pass, 825 taps, " + length, filter(fir, err2), []string{"mne"}},
		{"infomax", "5 passes, " + mixed, unmix(ica.Options{Method: ica.Infomax, Iterations: 5, Tolerance: 1e-300}), []string{"mne"}},
		{"extended", "extended Infomax, 5 passes, " + mixed, unmix(ica.Options{Method: ica.ExtendedInfomax, Iterations: 5, Tolerance: 1e-300}), []string{"mne"}},
		{"fastica", "to convergence, " + mixed, unmix(ica.Options{Method: ica.FastICA}), []string{"sklearn", "picard"}},
		{"decode", fmt.Sprintf("epochs, CSP and LDA in 10 folds, %d subjects of 288 trials, 22 channels of 4 s at 250 Hz", subjects), decode(subjects), []string{"mne"}},
		{"welch", "1024 samples a segment, " + mixed, onNoise(func(x *mat.Dense) error {
			_, err := spectrum.Welch{Segment: 1024}.PSD(x, 250)
			return err
		}), []string{"scipy"}},
		{"morlet", "10 frequencies, " + mixed, onNoise(func(x *mat.Dense) error {
			_, err := spectrum.Morlet{Frequencies: []float64{4, 6, 8, 10, 13, 16, 20, 25, 32, 40}}.Transform(x.Slice(0, 8, 0, tenMinutes).(*mat.Dense), 250)
			return err
		}), []string{"mne"}},
		{"resample", "250 to 160 Hz, " + mixed, onNoise(func(x *mat.Dense) error {
			_, err := signal.Resampling{Up: 16, Down: 25}.Apply(x)
			return err
		}), []string{"scipy"}},
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

// Command edf times the opening and reading of an EDF file, Gyrus against MNE-Python and pyedflib, on the same file in the same
// run:
//
//	go run ./bench/recording/edf [-python python3] [-mb 1000] [-channels 64] [-rate 256] [-rounds 5] [file.edf]
//
// It makes a file of noise itself unless one is named. Each side opens it and reads all samples, several times, in turn, and
// medians are compared: the file is in the page cache, what is compared is the reading. What the sides make of it differs and is
// said: Gyrus fills frames x channels of float32, or channel after channel of float64 as pyedflib does; MNE-Python makes one
// array of float64. A peer that is not installed is left out, and that is said.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
)

// peers read a file and print the version and the time in seconds; the bars are how many times as fast Gyrus must be and aims to be.
var peers = []struct {
	name, program string
	must, aim     float64
}{
	{"MNE-Python", `
import sys, time, json, warnings
warnings.simplefilter("ignore")
import mne
def once(path):
    return mne.io.read_raw_edf(path, preload=True, verbose="ERROR")._data
version = mne.__version__`, 3, 6},
	{"pyedflib", `
import sys, time, json, pyedflib
def once(path):
    f = pyedflib.EdfReader(path)
    x = [f.readSignal(i) for i in range(f.signals_in_file)]
    f.close()
    return x
version = pyedflib.__version__`, 1, 2},
}

const timing = `
t = time.perf_counter()
x = once(sys.argv[1])
print(json.dumps({"version": version, "seconds": time.perf_counter() - t}))
`

func main() {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreter that has the peers")
	mb := flag.Int("mb", 1000, "megabytes of the file it makes")
	channels := flag.Int("channels", 64, "channels of the file it makes")
	hz := flag.Int("rate", 256, "samples per second of the file it makes")
	rounds := flag.Int("rounds", 5, "how often each side reads the file")
	flag.Parse()
	path := flag.Arg(0)
	if path == "" {
		dir, err := os.MkdirTemp("", "bench-edf")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "noise.edf")
		if err := makeFile(path, *mb, *channels, *hz); err != nil {
			log.Print(err)
			return
		}
	}
	if err := bench(path, *python, max(1, *rounds)); err != nil {
		log.Print(err)
	}
}

func bench(path, python string, rounds int) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := edf.Open(path)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %v, %d signals, %.0f MB; %s, %d CPUs\n", filepath.Base(path), f.Variant, len(f.Signals), float64(info.Size())/1e6, runtime.Version(), runtime.NumCPU())
	f.Close()
	ours := []struct {
		name string
		read func(string) error
	}{{"gyrus, all frames at once", frames}, {"gyrus, block by block", blocks}, {"gyrus, signal by signal", signals}}
	seconds := make([][]float64, len(ours)+len(peers))
	versions := make([]string, len(peers))
	for round := range rounds {
		for i, o := range ours {
			runtime.GC()
			begin := time.Now()
			if err := o.read(path); err != nil {
				return err
			}
			seconds[i] = append(seconds[i], time.Since(begin).Seconds())
		}
		for i, p := range peers {
			if round > 0 && versions[i] == "" {
				continue
			}
			out, err := exec.Command(python, "-c", p.program+timing, path).Output()
			if err != nil {
				fmt.Printf("%s is left out: %v %s\n", p.name, err, lastLine(err))
				continue
			}
			var result struct {
				Version string  `json:"version"`
				Seconds float64 `json:"seconds"`
			}
			if err := json.Unmarshal(out, &result); err != nil {
				return err
			}
			versions[i] = result.Version
			seconds[len(ours)+i] = append(seconds[len(ours)+i], result.Seconds)
		}
	}
	say := func(name string, of []float64) string {
		m := median(of)
		return fmt.Sprintf("%-28s %8.3f s %6.0f MB/s (fastest %.3f s)", name, m, float64(info.Size())/1e6/m, slices.Min(of))
	}
	fmt.Printf("medians of %d\n", rounds)
	for i, o := range ours {
		line := say(o.name, seconds[i])
		for k, p := range peers {
			if versions[k] != "" {
				line += fmt.Sprintf("  %5.2f times as fast as %s", median(seconds[len(ours)+k])/median(seconds[i]), p.name)
			}
		}
		fmt.Println(line)
	}
	for k, p := range peers {
		if versions[k] == "" {
			continue
		}
		fmt.Println(say(p.name+" "+versions[k], seconds[len(ours)+k]))
		// What the bar speaks of is reading as the peer does: all at once, or signal by signal.
		like := 0
		if p.name == "pyedflib" {
			like = 2
		}
		ratio := median(seconds[len(ours)+k]) / median(seconds[like])
		verdict := "must and aim met"
		switch {
		case ratio < p.must:
			verdict = "must not met"
		case ratio < p.aim:
			verdict = "must met, aim not"
		}
		fmt.Printf("  bar against %s (%s): must %gx, aim %gx, is %.2fx: %s\n", p.name, ours[like].name, p.must, p.aim, ratio, verdict)
	}
	return nil
}

// median is the middle of values, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted, n := slices.Sorted(slices.Values(values)), len(values)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// lastLine is what Python said last.
func lastLine(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		lines := strings.Split(strings.TrimSpace(string(e.Stderr)), "\n")
		return lines[len(lines)-1]
	}
	return ""
}

func frames(path string) error {
	r, err := recording.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.Read(0, int(r.Frames))
	return err
}

func blocks(path string) error {
	r, err := recording.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Blocks(func([]float32, int64) error { return nil })
}

func signals(path string) error {
	f, err := edf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range f.Signals {
		if _, err := f.ReadSignal(i, make([]float64, f.Samples(i)), 0); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// makeFile writes a continuous EDF+ of noise in records of one second.
func makeFile(path string, mb, channels, hz int) error {
	r := &recording.Recording{Rate: float64(hz), Frames: int64(mb) * 1e6 / 2 / int64(channels*hz) * int64(hz), Samples: noise{channels}}
	var ranges []edf.Signal
	for i := range channels {
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprint("E", i+1), Unit: "uV"})
		ranges = append(ranges, edf.Signal{PhysicalMin: -3276.8, PhysicalMax: 3276.7, DigitalMin: -32768, DigitalMax: 32767})
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	if err := edf.Write(w, r, edf.Options{Signals: ranges}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// noise is a source of reproducible noise.
type noise struct{ channels int }

func (n noise) ReadFrames(dst []float32, first int64) (int, error) {
	rng := rand.New(rand.NewPCG(uint64(first), 1))
	for i := range dst {
		dst[i] = float32(rng.IntN(2000)-1000) / 10
	}
	return len(dst) / n.channels, nil
}

func (noise) Close() error { return nil }

// Command recording times the reading of MAT-files, Gyrus against scipy.io.loadmat, on the same files in the same run:
//
//	go run ./bench/recording [-python python3] [-mb 128] [file.mat ...]
//
// It makes an uncompressed and a compressed file of float64 itself; files named on the command line are timed too. Each side
// reads each file wholly several times, in turn, and the fastest counts: the file is in the page cache, what is compared is
// the reading. Where Python or SciPy is absent, its side is left out and that is said.
package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording/matfile"
)

// peer reads a file the given number of times and prints SciPy's version and the fastest time in seconds.
const peer = `
import sys, time, json, numpy, scipy, scipy.io
best = 1e9
for _ in range(int(sys.argv[2])):
    t = time.perf_counter()
    scipy.io.loadmat(sys.argv[1])
    best = min(best, time.perf_counter() - t)
print(json.dumps({"version": "scipy " + scipy.__version__ + ", numpy " + numpy.__version__, "seconds": best}))
`

const (
	rounds = 3 // alternations between the two sides
	times  = 4 // readings of each side in a round
)

func main() {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreter that has SciPy")
	mb := flag.Int("mb", 128, "megabytes of float64 in the files it makes")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench-recording")
	if err != nil {
		log.Fatal(err)
	}
	err = bench(dir, *python, *mb, flag.Args())
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func bench(dir, python string, mb int, files []string) error {
	plain, packed := filepath.Join(dir, "plain float64"), filepath.Join(dir, "compressed float64")
	if err := makeFile(plain, mb<<20, false); err != nil {
		return err
	}
	if err := makeFile(packed, mb<<20/4, true); err != nil {
		return err
	}
	fmt.Printf("reading MAT-files: %s on %s, %d CPUs\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU())
	version := ""
	if out, err := exec.Command(python, "-c", "import scipy.io").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Printf("scipy.io.loadmat is left out: %s: %v %s\n", python, err, lines[len(lines)-1])
		python = ""
	}
	for _, path := range append([]string{plain, packed}, files...) {
		ours, theirs := math.Inf(1), math.Inf(1)
		size := int64(0)
		for range rounds {
			seconds, n, err := read(path)
			if err != nil {
				return err
			}
			ours, size = min(ours, seconds), n
			if python == "" {
				continue
			}
			out, err := exec.Command(python, "-c", peer, path, fmt.Sprint(times)).Output()
			if err != nil {
				return fmt.Errorf("%s on %s: %w", python, path, err)
			}
			var result struct {
				Version string  `json:"version"`
				Seconds float64 `json:"seconds"`
			}
			if err := json.Unmarshal(out, &result); err != nil {
				return err
			}
			theirs, version = min(theirs, result.Seconds), result.Version
		}
		line := fmt.Sprintf("%-24s gyrus %s", filepath.Base(path), rate(ours, size))
		if python != "" {
			line += fmt.Sprintf("  scipy %s  gyrus is %.2f times as fast", rate(theirs, size), theirs/ours)
		}
		fmt.Println(line)
	}
	if version != "" {
		fmt.Println("against", version)
	}
	return nil
}

// rate words a time, and a speed where there are numbers enough for it to mean something.
func rate(seconds float64, size int64) string {
	if size < 1<<20 {
		return fmt.Sprintf("%8.2f ms", 1e3*seconds)
	}
	return fmt.Sprintf("%8.2f ms %6.0f MB/s", 1e3*seconds, float64(size)/1e6/seconds)
}

// read reads every variable of a file, several times, and gives the fastest time and the bytes of its top-level numbers.
func read(path string) (seconds float64, size int64, err error) {
	seconds = math.Inf(1)
	for range times {
		begin := time.Now()
		f, err := matfile.Open(path)
		if err != nil {
			return 0, 0, err
		}
		size = 0
		for _, entry := range f.Variables() {
			v, err := f.ReadVariable(entry)
			if err != nil {
				f.Close()
				return 0, 0, err
			}
			if a, err := v.Array(); err == nil {
				size += 8 * int64(a.Len())
			}
		}
		f.Close()
		seconds = min(seconds, time.Since(begin).Seconds())
	}
	return seconds, size, nil
}

// makeFile writes a level 5 MAT-file of one column of float64, a sine with the low bits of noise as recordings have them.
func makeFile(path string, size int, compress bool) error {
	tag := func(b []byte, kind, n uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, kind), n)
	}
	const miINT8, miINT32, miUINT32, miDOUBLE, miMATRIX, miCOMPRESSED, double = 1, 5, 6, 9, 14, 15, 6
	n := size / 8
	body := tag(tag(nil, miUINT32, 8), double, 0)
	body = tag(tag(body, miINT32, 8), uint32(n), 1)
	body = append(tag(body, miINT8, 1), 'x', 0, 0, 0, 0, 0, 0, 0)
	body = tag(body, miDOUBLE, uint32(8*n))
	for i := range n {
		microvolts := math.Round(1e4*math.Sin(float64(i)/50)) / 100
		body = binary.LittleEndian.AppendUint64(body, math.Float64bits(microvolts))
	}
	element := append(tag(nil, miMATRIX, uint32(len(body))), body...)
	if compress {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		if _, err := w.Write(element); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		element = append(tag(nil, miCOMPRESSED, uint32(z.Len())), z.Bytes()...)
	}
	header := make([]byte, 128)
	copy(header, "MATLAB 5.0 MAT-file, made to be timed")
	header[125], header[126], header[127] = 1, 'I', 'M'
	return os.WriteFile(path, append(header, element...), 0o644)
}

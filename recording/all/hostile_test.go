package all

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
)

// seed is a sound file, in a folder of its own with what lies beside it.
type seed struct {
	name, path string
	content    []byte
}

// seeds are the files that the tests of the formats made, some made here, and, of GYRUS_DATA, small ones of formats that the former lack.
func seeds(t *testing.T) []seed {
	t.Helper()
	var out []seed
	formats := map[string]bool{}
	add := func(folder, name string) {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := recording.Detect(path)
		if err != nil || info.Size() > 400<<10 {
			return
		}
		// Only what reads without an error can be damaged.
		if _, err := recording.Inspect(path); err != nil {
			return
		}
		copied := t.TempDir()
		if info.IsDir() {
			return
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		stem, _, _ := strings.Cut(name, ".")
		for _, e := range entries {
			near := strings.HasPrefix(e.Name(), stem) || filepath.Ext(folder) == ".ds" || strings.Contains(folder, "bti") || e.Name() == "config"
			if size, err := e.Info(); e.IsDir() || err != nil || !near || size.Size() > 4<<20 {
				continue
			}
			content, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, e.Name()), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		formats[f.Name] = true
		out = append(out, seed{f.Name + " " + name, filepath.Join(copied, name), content})
	}
	made := t.TempDir()
	makeFiles(t, made)
	folders := []string{made}
	found, err := filepath.Glob("../*/testdata")
	if err != nil {
		t.Fatal(err)
	}
	folders = append(folders, found...)
	folders = append(folders, "../ctf/testdata/made.ds", "../bti/testdata/made-int16")
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !e.IsDir() && !slices.Contains([]string{".json", ".py"}, filepath.Ext(e.Name())) {
				add(folder, e.Name())
			}
		}
	}
	if data := os.Getenv("GYRUS_DATA"); data != "" {
		taken := map[string]int{}
		err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			if f, err := recording.Detect(path); err == nil && !formats[f.Name] && taken[f.Name] < 3 {
				if info, err := e.Info(); err == nil && info.Size() < 400<<10 {
					taken[f.Name]++
					add(filepath.Dir(path), filepath.Base(path))
					formats[f.Name] = false // more of it may follow
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// makeFiles writes recordings in formats of which there are no files in testdata.
func makeFiles(t *testing.T, folder string) {
	t.Helper()
	r := &recording.Recording{Rate: 100, Frames: 300, Start: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Gaps: []recording.Gap{{Frame: 100, Seconds: 2}},
		Events: []recording.Event{{Onset: 0.5, Duration: 0.1, Label: "left"}, {Onset: 4, Label: "Größe"}}}
	data := make([]float32, 600)
	for i := range data {
		data[i] = float32(100 * math.Sin(float64(i)))
	}
	for _, n := range []string{"Fz", "Cz"} {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	r.Samples = recording.Memory{Data: data, Channels: 2}
	for _, name := range []string{"gaps.edf", "gaps.bdf"} {
		if err := edf.Save(filepath.Join(folder, name), r, edf.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	samples := make([]byte, 0, 1200)
	for _, v := range data {
		samples = binary.LittleEndian.AppendUint16(samples, uint16(int16(v)))
	}
	for name, content := range map[string]string{
		"a.vhdr": "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=a.eeg\nMarkerFile=a.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=2\n" +
			"SamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Fz,,0.5,µV\nCh2=Cz,,0.5,µV\n[Coordinates]\nCh1=1,45,90\nCh2=1,0,0\n",
		"a.vmrk":  "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=a.eeg\n[Marker Infos]\nMk1=New Segment,,1,1,0,20200102030405000000\nMk2=Stimulus,S  1,50,1,0\n",
		"a.eeg":   string(samples),
		"b.lay":   "[FileInfo]\nFile=b.dat\nFileType=Interleaved\nSamplingRate=100\nHeaderLength=0\nCalibration=0.5\nWaveformCount=2\nDataType=0\n[ChannelMap]\nFz-Ref=1\nCz-Ref=2\n[Comments]\n0.5,0.1,0,100,left\n",
		"b.dat":   string(samples),
		"c.csv":   "time,Fz,Cz\n0,1.5,2\n0.01,2.5,-3\n0.02,1e-3,7\n",
		"d_1d.1D": "1 2\n3 4\n5 6\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// read reads a file in every way that there is: it must end in time, without a panic, with a *recording.Error or none, and without more memory
// than the file's size explains.
func read(path string, size int) (err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			return
		}
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			err = fmt.Errorf("an error that is no *recording.Error: %w", err)
			return
		}
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+2000*size); used > most {
			err = fmt.Errorf("%d MB allocated for a file of %d bytes", used>>20, size)
		} else if passed := time.Since(begun); passed > 20*time.Second {
			err = fmt.Errorf("took %v", passed)
		} else {
			err = nil
		}
	}()
	if _, err := recording.Inspect(path); err != nil {
		return err
	}
	r, err := recording.Open(path)
	if err == nil {
		defer r.Close()
		if r.Frames < 0 || !(r.Rate >= 0) || math.IsInf(r.Rate, 0) {
			panic(fmt.Sprintf("%d frames at %g Hz", r.Frames, r.Rate))
		}
		if n := min(r.Frames, 100); n > 0 && len(r.Channels) > 0 {
			if _, err := r.Read(r.Frames-n, int(n)); err != nil {
				return err
			}
		}
		if !slices.IsSortedFunc(r.Gaps, func(a, b recording.Gap) int { return int(a.Frame - b.Frame) }) {
			panic(fmt.Sprintf("gaps out of order: %v", r.Gaps))
		}
		return nil
	}
	return err
}

// places chooses offsets of a file: the first ones, which headers are in, and some behind.
func places(n, many int) []int {
	var out []int
	for at := 0; at < n; {
		out = append(out, at)
		if len(out) < many/2 {
			at += max(1, min(n, 2048)/(many/2))
		} else {
			at += max(1, n/(many/2))
		}
	}
	return out
}

// TestDamagedFiles cuts every seed off, and puts numbers into it that lie: lengths that are too large or negative, rates of nothing, zero or
// infinity, in both byte orders and as text.
func TestDamagedFiles(t *testing.T) {
	many := 60
	if testing.Short() {
		many = 12
	}
	for _, s := range seeds(t) {
		t.Run(s.name, func(t *testing.T) {
			try := func(how string, content []byte) {
				t.Helper()
				if err := os.WriteFile(s.path, content, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := read(s.path, len(content)); err != nil {
					t.Errorf("%s: %v", how, err)
				}
			}
			try("sound", s.content)
			for _, n := range places(len(s.content), many) {
				try(fmt.Sprintf("cut off after %d bytes", n), s.content[:n])
			}
			lies := [][]byte{{0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0x7f}, {0, 0, 0, 0}, {0x80, 0, 0, 0}, {0, 0, 0x80, 0x7f}, []byte("9999"), []byte("-111")}
			for i, at := range places(len(s.content), many) {
				damaged := bytes.Clone(s.content)
				copy(damaged[at&^3:], lies[i%len(lies)])
				try(fmt.Sprintf("% x at byte %d", lies[i%len(lies)], at&^3), damaged)
			}
		})
	}
}

var number = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)

// TestLyingTexts puts absurd numbers into the places of those of text headers, one by one.
func TestLyingTexts(t *testing.T) {
	tried := 0
	for _, s := range seeds(t) {
		if bytes.IndexByte(s.content, 0) >= 0 || len(s.content) > 8<<10 {
			continue
		}
		for _, at := range number.FindAllIndex(s.content, 60) {
			for _, lie := range []string{"-1", "0", "1e300", "99999999999", "NaN", ""} {
				tried++
				content := slices.Concat(s.content[:at[0]], []byte(lie), s.content[at[1]:])
				if err := os.WriteFile(s.path, content, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := read(s.path, len(content)); err != nil {
					t.Errorf("%s: %q for %q at byte %d: %v", s.name, lie, s.content[at[0]:at[1]], at[0], err)
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("%d lies tried", tried)
	}
}

// TestEveryFormatIsDamaged keeps TestDamagedFiles from passing over formats.
func TestEveryFormatIsDamaged(t *testing.T) {
	if os.Getenv("GYRUS_DATA") == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	seen := map[string]bool{}
	for _, s := range seeds(t) {
		name, _, _ := strings.Cut(s.name, " ")
		seen[name] = true
	}
	for _, f := range recording.Formats() {
		if !seen[f.Name] && f.Name != "mff" && f.Name != "bids" { // folders, whose files are damaged in their packages
			t.Errorf("no file of the format %s is damaged", f.Name)
		}
	}
}

// TestBombs gives formats that may be compressed as a whole 300 MB of zeros in a third of one: what they do with it may take a temporary file,
// but no memory.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates much")
	}
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeros{}, 300<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.fif.gz", "a.nii.gz", "a.img.gz", "a.gii.gz", "a.mgz", "a.csv.gz", "a.idx3-ubyte.gz", "a.xdfz", "a.edf.gz", "a.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, bomb.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, err := recording.Inspect(path)
		runtime.ReadMemStats(&after)
		var own *recording.Error
		if !errors.As(err, &own) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 384<<20 { // where 64 MB are inflated into memory as it grows
			t.Errorf("%s: %d MB allocated", name, used>>20)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// oddRecording has labels that repeat, that no ASCII spells, and one that is empty.
func oddRecording() *recording.Recording {
	r := &recording.Recording{Rate: 100, Frames: 200, Samples: recording.Memory{Data: make([]float32, 1000), Channels: 5}}
	for _, n := range []string{"Fz", "Größe µ", "Fz", "脳波", ""} {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	return r
}

// TestOddLabels wants distinct, valid names of what repeats and is not ASCII.
func TestOddLabels(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"odd.edf", "odd.bdf"} {
		if err := edf.Save(filepath.Join(folder, name), oddRecording(), edf.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	frame := strings.Repeat("\x01\x00\x02\x00\x03\x00\x04\x00", 20)
	for name, content := range map[string]string{
		"odd.vhdr": "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=odd.eeg\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=4\n" +
			"SamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Fz,,1,µV\nCh2=Größe\\1 µ,,1,µV\nCh3=Fz,,1,µV\nCh4=脳波,,1,µV\n",
		"odd.eeg": frame,
		"odd.lay": "[FileInfo]\nFile=odd.dat\nFileType=Interleaved\nSamplingRate=100\nHeaderLength=0\nCalibration=1\nWaveformCount=4\nDataType=0\n[ChannelMap]\nFz=1\nGröße µ=2\nFz=3\n脳波=4\n",
		"odd.dat": frame,
		"odd.csv": "Fz,Größe µ,Fz,脳波\n1,2,3,4\n5,6,7,8\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"odd.edf", "odd.bdf", "odd.vhdr", "odd.lay", "odd.csv"} {
		path := filepath.Join(folder, name)
		r, err := recording.Open(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, c := range r.Channels {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		if len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s: names repeat: %q", name, names)
		}
		// Persyst's names are in capitals, as MNE-Python has them.
		if !slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(strings.ToUpper(s), "GRÖß") }) || !slices.Contains(names, "脳波") {
			t.Errorf("%s: names are lost: %q", name, names)
		}
		if d, err := recording.Inspect(path); err != nil || len(d.Items) != len(names) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		r.Close()
	}
}

// TestOverlaps has records that begin before those before them ended: they are told as gaps of negative length, which time and frames bear.
func TestOverlaps(t *testing.T) {
	r := &recording.Recording{Rate: 100, Frames: 300, Gaps: []recording.Gap{{Frame: 100, Seconds: 5}, {Frame: 200, Seconds: 3}}, Start: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
		Channels: []recording.Channel{{Name: "Cz", Type: "eeg", Unit: "uV"}}, Samples: recording.Memory{Data: make([]float32, 300), Channels: 1}}
	path := filepath.Join(t.TempDir(), "x.edf")
	if err := edf.Save(path, r, edf.Options{}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The last record says it began at 10 s; now it does while the second goes on, before it, and in no order at all.
	for _, c := range []struct {
		stamp string
		gap   float64
	}{{"+10", 3}, {"+6.5", -0.5}, {"+1.", -6}, {"-99", -106}} {
		stamp := "+10"
		changed := bytes.Replace(content, []byte(stamp+"\x14\x14\x00"), []byte(c.stamp+"\x14\x14\x00"), 1)
		if !bytes.Contains(content, []byte(stamp+"\x14\x14\x00")) {
			t.Fatal("the last record has another stamp")
		}
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := recording.Open(path)
		if err != nil {
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Errorf("at %s s: %v", c.stamp, err)
			}
			continue
		}
		if n := len(got.Gaps); n != 2 || math.Abs(got.Gaps[1].Seconds-c.gap) > 1e-9 {
			t.Errorf("at %s s: gaps %v, want the last of %g s", c.stamp, got.Gaps, c.gap)
		}
		if at := got.Frame(got.Time(250)); at != 250 && c.gap > 0 {
			t.Errorf("at %s s: frame 250 is found as %d", c.stamp, at)
		}
		if _, err := recording.Inspect(path); err != nil {
			t.Error(err)
		}
		got.Close()
	}
}

package reader

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio/confine"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
)

// Formats whose parsers misbehave.
func init() {
	misbehave := func(name string, do func(path string)) {
		f := func(path string) (*recording.Recording, error) {
			do(path)
			return nil, errors.New("it did not misbehave")
		}
		recording.Register(recording.Format{Name: name, Title: name, Extensions: []string{name}, Open: f,
			Match: func(h recording.Head) recording.Confidence {
				if bytes.HasPrefix(h.Data, []byte(name+"!")) {
					return recording.Sure
				}
				return recording.No
			},
			Describe: func(path string) (*recording.Description, error) { _, err := f(path); return nil, err }})
	}
	misbehave("hanging", func(string) {
		for n := 0; ; n++ {
			runtime.KeepAlive(n)
		}
	})
	misbehave("eating", func(string) {
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
			runtime.KeepAlive(all)
		}
	})
	misbehave("gulping", func(string) { runtime.KeepAlive(bytes.Repeat([]byte{1}, 1<<36)) })
	misbehave("panicking", func(string) { panic("on purpose") })
	misbehave("peeking", func(path string) {
		b, err := os.ReadFile(path) // as a header names the file of samples
		if err == nil {
			_, err = os.ReadFile(strings.TrimPrefix(strings.TrimSpace(string(b)), "peeking!"))
		}
		if err != nil {
			panic("it was seen that " + err.Error())
		}
		panic("it was seen")
	})
}

// TestMain lets the test binary act as the process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Verb {
		if err := Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var self = []string{os.Args[0], Verb}

// messages runs a task to its end.
func messages(t *testing.T, ctx context.Context, task Task) ([]Message, error) {
	t.Helper()
	if task.Memory == 0 {
		task.Memory = 1 << 30
	}
	p, err := Start(ctx, self, task)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var all []Message
	for {
		m, err := p.Next()
		if err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}

// example writes an EDF file of three channels with an event and a gap.
func example(t *testing.T, dir string, seconds int) string {
	t.Helper()
	const rate = 200
	r := &recording.Recording{Rate: rate, Frames: int64(rate * seconds), Gaps: []recording.Gap{{Frame: rate * int64(seconds/2), Seconds: 3}},
		Events: []recording.Event{{Onset: 1, Label: "go"}}}
	m := recording.Memory{Channels: 3}
	for _, n := range []string{"Fz", "Cz", "Flat"} {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	for i := range rate * seconds {
		m.Data = append(m.Data, float32(20*math.Sin(2*math.Pi*10*float64(i)/rate)), 100+float32(40*math.Sin(2*math.Pi*3*float64(i)/rate)), 5)
	}
	r.Samples = m
	path := filepath.Join(dir, "example.edf")
	if err := edf.Save(path, r, edf.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrepare(t *testing.T) {
	path, dir := example(t, t.TempDir(), 60), t.TempDir()
	all, err := messages(t, t.Context(), Task{Kind: Prepare, Path: path, Dir: dir, Readable: []string{filepath.Dir(path)}, Write: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	var h Head
	for _, m := range all {
		if m.Kind == Opened {
			if err := json.Unmarshal(m.Body, &h); err != nil {
				t.Fatal(err)
			}
		}
	}
	if h.Rate != 200 || h.Frames != 12000 || len(h.Channels) != 3 || len(h.Gaps) != 1 || len(h.Events) != 1 {
		t.Fatalf("%+v", h)
	}
	if c := h.Channels[1]; math.Abs(c.Middle-100) > 2 || c.Unit != "uV" {
		t.Errorf("%+v", c)
	}
	if c := h.Channels[0]; math.Abs(c.Row-60/1.3) > 2 || c.Row != h.Channels[1].Row { // sines of 40 and 80 uV
		t.Errorf("%+v", c)
	}
	p, err := pyramid.Open(dir, pyramid.Shape{Channels: 3, Frames: 12000})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	tile, err := p.Tile(16, 0, 0, 1, 12000)
	if err != nil || tile.Bins != 750 {
		t.Fatal(tile, err)
	}
	if low, high := slices.Min(tile.Values), slices.Max(tile.Values); math.Abs(float64(low)+20) > 0.1 || math.Abs(float64(high)-20) > 0.1 {
		t.Errorf("from %g to %g", low, high)
	}
	data, err := os.ReadFile(filepath.Join(dir, SheetFile))
	if err != nil {
		t.Fatal(err)
	}
	var s Sheet
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.Parts, func(p report.Part) bool { return p.ID == "spectra" && len(p.Figures) > 0 && p.Figures[0].SVG != "" }) {
		t.Error("the sheet has no spectra")
	}
	if !strings.Contains(fmt.Sprint(s.Notes), "Flat is flat") {
		t.Errorf("nothing is said of the flat channel: %v", s.Notes)
	}
}

func TestFrames(t *testing.T) {
	path := example(t, t.TempDir(), 60)
	p, err := Start(t.Context(), self, Task{Kind: Frames, Path: path, Memory: 1 << 30, Readable: []string{filepath.Dir(path)}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if m, err := p.Next(); err != nil || m.Kind != Opened {
		t.Fatal(m.Kind, err)
	}
	for _, c := range []struct {
		ask  TileRequest
		bins int // 0: refused
	}{{TileRequest{1, 1, 0, 2}, 2048}, {TileRequest{4, 1, 0, 3}, 12000/4 - 2048}, {TileRequest{1, 99, 0, 1}, 0}, {TileRequest{1, 0, 2, 9}, 0}, {TileRequest{-4, 0, 0, 1}, 0}, {TileRequest{1, 0, 0, 1}, 2048}} {
		if err := p.Ask(c.ask); err != nil {
			t.Fatal(err)
		}
		m, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		tile, ok := pyramid.Parse(m.Body)
		switch {
		case c.bins == 0 && m.Kind != TileFailed:
			t.Errorf("%+v was not refused", c.ask)
		case c.bins > 0 && (!ok || tile.Bins != c.bins || tile.Channels != c.ask.To-c.ask.From):
			t.Errorf("%+v: %v, %+v", c.ask, ok, tile)
		}
	}
}

// TestMisbehaviour holds parsers to their limits.
func TestMisbehaviour(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		text   string
		memory bool
		log    string
	}{
		{name: "hanging"},
		{name: "eating", memory: true},
		{name: "gulping", memory: true},
		{name: "panicking", log: "on purpose"},
		{name: "peeking", text: secret, log: "permission denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "peeking" && !confine.Available() {
				t.Skip("this kernel has no Landlock")
			}
			if c.name == "gulping" && runtime.GOOS != "linux" {
				t.Skip("only Linux refuses one large allocation")
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "x.dat")
			if err := os.WriteFile(path, []byte(c.name+"!"+c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			if c.name == "hanging" {
				ctx, cancel = context.WithTimeout(t.Context(), 1500*time.Millisecond)
			}
			defer cancel()
			began := time.Now()
			_, err := messages(t, ctx, Task{Kind: Prepare, Path: path, Dir: t.TempDir(), Memory: 200 << 20, Readable: []string{dir}})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if e.Memory != c.memory || !strings.Contains(e.Log, c.log) || e.Refused {
				t.Errorf("%+v", e)
			}
			if c.name == "hanging" && time.Since(began) > 10*time.Second {
				t.Errorf("it took %v to stop it", time.Since(began))
			}
		})
	}
}

func archive(t *testing.T, path string, write func(z *zip.Writer)) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	write(z)
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestArrive(t *testing.T) {
	file := func(name, text string) func(*zip.Writer) {
		return func(z *zip.Writer) {
			w, err := z.Create(name)
			if err == nil {
				_, err = io.WriteString(w, text)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name    string
		write   func(*zip.Writer)
		refused string // part of the error; empty if it is taken
	}{
		{"good", func(z *zip.Writer) { file("sub/a.csv", "x,y\n1,2\n3,4\n")(z); file("sub/readme.md", "hello")(z) }, ""},
		{"dots", file("../evil.csv", "1"), "leads elsewhere"},
		{"absolute", file("/etc/evil.csv", "1"), "leads elsewhere"},
		{"backslashes", file(`..\..\evil.csv`, "1"), "leads elsewhere"},
		{"deep", file(strings.Repeat("a/", 40)+"a.csv", "1"), "leads elsewhere"},
		{"twice", func(z *zip.Writer) { file("a.csv", "1")(z); file("a.csv", "2")(z) }, "there already"},
		{"file as folder", func(z *zip.Writer) { file("a", "1")(z); file("a/b.csv", "2")(z) }, "folder"},
		{"bomb", file("a.csv", strings.Repeat("0", 3<<20)), "more than this server keeps"},
		{"link", func(z *zip.Writer) {
			h := &zip.FileHeader{Name: "link.csv"}
			h.SetMode(fs.ModeSymlink | 0o777)
			w, err := z.CreateHeader(h)
			if err == nil {
				_, err = io.WriteString(w, "/etc/passwd")
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			outside := t.TempDir()
			dir := filepath.Join(outside, "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			archive(t, filepath.Join(dir, "x.zip"), c.write)
			all, err := messages(t, t.Context(), Task{Kind: Arrive, Dir: dir, Unpacked: 1 << 20, Readable: []string{}})
			if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
				t.Errorf("the folder outside holds %v, %v", left, err)
			}
			if c.refused != "" {
				var e *Error
				if !errors.As(err, &e) || !e.Refused || !strings.Contains(e.Text, c.refused) || strings.Contains(e.Text, dir) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var a Arrived
			if err := json.Unmarshal(all[len(all)-1].Body, &a); err != nil {
				t.Fatal(err)
			}
			if a.Files != 2 || len(a.Recordings) != 1 || a.Recordings[0].Path != "sub/a.csv" || a.Recordings[0].Signal {
				t.Errorf("%+v", a)
			}
			if _, err := os.Stat(filepath.Join(dir, "x.zip")); err == nil {
				t.Error("the archive is still there")
			}
		})
	}
}

// TestSurvey finds the main file among those of a recording.
func TestSurvey(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("set GYRUS_DATA to the folder of test recordings")
	}
	for _, c := range []struct{ dir, want string }{
		{"eeg/formats/brainvision", ".vhdr"}, {"eeg/eeglab", ".set"},
	} {
		a, err := survey(filepath.Join(data, c.dir))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range a.Recordings {
			if strings.HasSuffix(e.Path, c.want) {
				n++
			}
			if strings.HasSuffix(e.Path, ".fdt") || strings.HasSuffix(e.Path, ".vmrk") || c.want == ".vhdr" && strings.HasSuffix(e.Path, ".eeg") {
				t.Errorf("%s is listed as a recording of its own", e.Path)
			}
		}
		if n == 0 {
			t.Errorf("%s: %+v", c.dir, a)
		}
	}
}

func TestPlay(t *testing.T) {
	path := example(t, t.TempDir(), 4)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	all, err := messages(t, ctx, Task{Kind: Live, Readable: []string{filepath.Dir(path)}, Play: &Play{Path: path, Speed: 20}})
	if err != nil {
		t.Fatal(err)
	}
	var s Signal
	var r live.Report
	bins, gaps := 0, 0
	for _, m := range all {
		switch m.Kind {
		case Began:
			err = json.Unmarshal(m.Body, &s)
		case Reported:
			err = json.Unmarshal(m.Body, &r)
		case Samples:
			channels, n := int(m.Body[8])|int(m.Body[9])<<8, int(m.Body[10])|int(m.Body[11])<<8
			if channels != 3 || len(m.Body) != 16+n*channels*8 {
				t.Fatalf("%d channels, %d bins, %d bytes", channels, n, len(m.Body))
			}
			bins += n
			gaps += int(m.Body[12])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.Rate != 200 || len(s.Channels) != 3 || s.Units[0] != "uV" || s.Bin != 1./200 {
		t.Errorf("%+v", s)
	}
	if bins != 800 || gaps != 1 || r.Frames != 800 || r.Gaps != 1 || r.Decisions != 0 {
		t.Errorf("%d bins, %d gaps, %+v", bins, gaps, r)
	}
}

package delays

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// picture is one of the grey values v(x, y).
func picture(width, height int, v func(x, y int) uint16) image.Image {
	im := image.NewGray16(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			im.SetGray16(x, y, color.Gray16{Y: v(x, y)})
		}
	}
	return im
}

func pngOf(t *testing.T, im image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wavy(x, y int) uint16 {
	return uint16(128 + 60*math.Sin(float64(x*x)/40) + 60*math.Cos(float64(y)/3))
}

// pgmOf writes the wavy picture in either form.
func pgmOf(form string, width, height int, largest int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n# a comment\n%d %d\n%d\n", form, width, height, largest)
	for y := range height {
		for x := range width {
			v := wavy(x, y)
			switch {
			case form == "P2":
				fmt.Fprintf(&b, "%d ", v)
			case largest > 255:
				binary.Write(&b, binary.BigEndian, v)
			default:
				b.WriteByte(byte(v))
			}
		}
	}
	return b.Bytes()
}

// TestPhotos reads one picture in every format: all are the same after whitening.
func TestPhotos(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{"a.png": pngOf(t, picture(80, 70, wavy)), "b.pgm": pgmOf("P5", 80, 70, 255), "c.pgm": pgmOf("P5", 80, 70, 4095), "d.PGM": pgmOf("P2", 80, 70, 255), "notes.txt": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := readPhotos(dir, 10)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d photographs: %v", len(list), err)
	}
	for i, im := range list {
		if im.Width != 80 || im.Height != 70 {
			t.Errorf("photograph %d has %d x %d pixels", i, im.Width, im.Height)
		}
		for j, v := range im.Pixels {
			if math.Abs(v-list[0].Pixels[j]) > 1e-6 {
				t.Fatalf("photograph %d differs in pixel %d", i, j)
			}
		}
	}
	if list, err = readPhotos(dir, 2); err != nil || len(list) != 2 {
		t.Errorf("of at most 2 photographs %d: %v", len(list), err)
	}
	iml := make([]byte, 2*imlWidth*imlHeight)
	for i := 0; i < len(iml); i += 2 {
		binary.BigEndian.PutUint16(iml[i:], uint16(i/2%imlWidth))
	}
	im, err := readIML(iml)
	if err != nil || im.Width != imlWidth || im.Pixels[imlWidth+7] != 7 {
		t.Errorf("IML: %v", err)
	}
}

func TestBadPhotos(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"small.png":    {pngOf(t, picture(60, 200, wavy)), "60 x 200 pixels"},
		"constant.png": {pngOf(t, picture(80, 80, func(int, int) uint16 { return 7 })), "7 in every pixel"},
		"cut.png":      {pngOf(t, picture(80, 80, wavy))[:200], "cannot be read"},
		"short.iml":    {make([]byte, 1000), "1000 bytes"},
		"large.pgm":    {[]byte("P5\n60000 60000\n255\n1"), "cannot hold 60000 x 60000"},
		"negative.pgm": {[]byte("P2\n-5 70\n255\n1"), "width is not a number"},
		"beyond.pgm":   {bytes.Replace(pgmOf("P2", 80, 70, 255), []byte("\n255\n"), []byte("\n100\n"), 1), "pixel (0, 0) is not a number of 0 to 100"},
		"wrong.pgm":    {[]byte("GIF89a"), "P2 or P5"},
	} {
		path := write(t, name, c.content)
		_, err := readPhotos(filepath.Dir(path), 5)
		var e *recording.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := readPhotos(t.TempDir(), 5); err == nil || !strings.Contains(err.Error(), "no images") {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzPGM(f *testing.F) {
	f.Add(pgmOf("P5", 64, 64, 255))
	f.Add(pgmOf("P2", 64, 64, 255))
	f.Add([]byte("P5 64 64 65535\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if im, err := readPGM(content); err == nil && (len(im.Pixels) != im.Width*im.Height || len(content) < len(im.Pixels)) {
			t.Errorf("%d bytes gave %d x %d pixels", len(content), im.Width, im.Height)
		}
	})
}

// eventTable is t, x, y, p of a clip as CSV, a row for each event.
func eventTable(c clip, binMicroseconds int) []byte {
	var b bytes.Buffer
	b.WriteString("t,x,y,p\n")
	for step := range c.Movie.Steps {
		for p := range 2 {
			for i, v := range c.Movie.Frame(p, step) {
				if v == 1 {
					fmt.Fprintf(&b, "%d,%d,%d,%d\n", step*binMicroseconds+binMicroseconds/2, i%c.Movie.Width, i/c.Movie.Width, p)
				}
			}
		}
	}
	return b.Bytes()
}

// TestStream reads a table and an array of events and finds the movie in them again.
func TestStream(t *testing.T) {
	m := random(t, 30, 20, .05, 5)
	path := write(t, "events.csv", eventTable(clip{Movie: m}, 500))
	s, err := readStream(path, 500, sensor{20, 20})
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for i := range s.T {
		p := int64(-1)
		if s.On[i] {
			p = 1
		}
		rows = append(rows, s.T[i], int64(s.X[i]), int64(s.Y[i]), p)
	}
	a, err := recording.NewArray("events", []int{s.Len(), 4}, recording.RowMajor, rows)
	if err != nil {
		t.Fatal(err)
	}
	npy := filepath.Join(t.TempDir(), "events.npy")
	if err := numpy.Save(npy, a); err != nil {
		t.Fatal(err)
	}
	fromArray, err := readStream(npy, 500, sensor{20, 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*stream{s, fromArray} {
		if s.bins() != 30 || math.Abs(s.density()-2*m.Density()) > 1e-9 {
			t.Errorf("%s: %d bins of density %g, want 30 of %g", s.path, s.bins(), s.density(), 2*m.Density())
		}
		got, err := s.movie(4, 30)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 26 {
			for p := range 2 {
				if !bytes.Equal(got.Frame(p, step), m.Frame(p, step+4)) {
					t.Fatalf("%s: step %d differs", s.path, step)
				}
			}
		}
	}
}

func TestBadStreams(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want []string
	}{
		"order":    {"10,1,1,1\n5,1,1,0", []string{"row 2", "t", "found 5", "10 or later"}},
		"negative": {"-3,1,1,1", []string{"row 1", "-3", "zero or more"}},
		"address":  {"1,1,1,1\n2,20,1,1", []string{"row 2", "x", "20", "0 to 19"}},
		"below":    {"1,1,-1,1", []string{"row 1", "y", "-1"}},
		"polarity": {"1,1,1,1\n2,1,1,2", []string{"row 2", "p", "2"}},
		"far":      {"9e18,1,1,1", []string{"row 1"}},
		"long":     {"1e15,1,1,1", []string{"at most", "subtract"}},
		"nothing":  {"", []string{"column \"t\""}},
	} {
		_, err := readStream(write(t, name+".csv", []byte("t,x,y,p\n"+c.rows+"\n")), 1000, sensor{20, 20})
		var e *recording.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range append(c.want, name+".csv") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
	}
	f, _ := testField(t, shape{Depth: 21, Width: 17, Classes: 2})
	for name, c := range map[string]struct {
		steps, side int
		density     float64
		want        string
	}{
		"short":  {20, 20, .05, "need at least 21 ms"},
		"narrow": {30, 16, .05, "at least 17 x 17"},
		"sparse": {30, 40, .0001, "widen the bins"},
		"dense":  {30, 20, .45, "narrow the bins"},
	} {
		m := random(t, c.steps, c.side, c.density, 6)
		m.Frame(1, c.steps-1)[0], m.Frame(0, 0)[c.side*c.side-1] = 1, 1 // of the whole length and size
		s, err := readStream(write(t, name+".csv", eventTable(clip{Movie: m}, 1000)), 1000, sensor{})
		if err != nil {
			t.Fatal(err)
		}
		var refused *papers.RefusedError
		if err := s.check(f); !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestBadLabels(t *testing.T) {
	for name, c := range map[string]struct{ rows, want string }{
		"length": {"0\n1\n", "2 labels, expected 3"},
		"class":  {"0\n8\n1\n", "class 8"},
		"below":  {"0\n-2\n1\n", "class -2"},
		"part":   {"0\n.5\n1\n", "class 0.5"},
	} {
		if _, err := readLabels(write(t, name+".csv", []byte("class\n"+c.rows)), 3, 8); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if got, err := readLabels(write(t, "good.csv", []byte("ms,class\n0,3\n1,-1\n2,7\n")), 3, 8); err != nil || fmt.Sprint(got) != "[3 -1 7]" {
		t.Errorf("%v: %v", got, err)
	}
}

// TestRefuses asks for what cannot be run.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		experiment  string
		set, inputs map[string]string
		want        string
	}{
		{"saccades", map[string]string{"speeds": "1 fast"}, nil, `"fast" is not a speed`},
		{"saccades", map[string]string{"width": "8"}, nil, "must be odd"},
		{"saccades", map[string]string{"depth": "90"}, nil, "need at least 90 ms"},
		{"saccades", map[string]string{"threshold": "50", "movies": "2"}, nil, "lower the event camera's threshold"},
		{"saccades", map[string]string{"threshold": "0.01", "movies": "2"}, nil, "raise the event camera's threshold"},
		{"recorded", nil, nil, "needs images or events"},
		{"recorded", nil, map[string]string{"images": t.TempDir()}, "no images"},
	} {
		_, err := execute(t, c.experiment, c.set, c.inputs)
		var refused *papers.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.experiment, c.set, err, c.want)
		}
	}
}

// TestRecorded trains on photographs, decodes a labelled recording made of others, and applies the saved layer to it.
func TestRecorded(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		im, err := motion.DeadLeaves(90, 90, 1.5, 20, rand.New(rand.NewPCG(uint64(i), 9)))
		if err != nil {
			t.Fatal(err)
		}
		content := pngOf(t, picture(90, 90, func(x, y int) uint16 { return uint16(30_000 + 6000*max(-4, min(4, im.Pixels[y*90+x]))) }))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := small.plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	clips, err := p.stimulus.film(t.Context(), 1, rand.New(rand.NewPCG(50, 1)), func(papers.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	events := write(t, "moving.csv", eventTable(clips[0], 1000))
	var labels bytes.Buffer
	labels.WriteString("class\n")
	for _, c := range clips[0].Class {
		fmt.Fprintln(&labels, c)
	}
	inputs := map[string]string{"images": dir, "events": events, "labels": write(t, "labels.csv", labels.Bytes())}
	o, err := execute(t, "recorded", nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	trained, of := runnertest.Value(t, o, systemLayer, "accuracy"), runnertest.Value(t, o, systemRecording, "accuracy")
	t.Logf("accuracy %.2f on new movies, %.2f on the recording", trained, of)
	if trained < .4 || of < .4 {
		t.Errorf("accuracy %.2f on new movies, %.2f on the recording; chance is 0.125", trained, of)
	}
	models, err := filepath.Glob(filepath.Join(o.Dir, "model", "*", modelFile))
	if err != nil || len(models) != 1 {
		t.Fatalf("saved models: %v, %v", models, err)
	}
	var said []string
	out := filepath.Join(t.TempDir(), "out.csv")
	a := &papers.Application{ModelDir: filepath.Dir(models[0]), Files: []string{events}, Out: out, Progress: func(papers.Progress) {},
		Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	if err := apply(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 1+small.Steps-small.Depth+1 || len(said) != 1 {
		t.Fatalf("%d rows, %v; said %q", len(rows), err, said)
	}
	right := 0
	for k, row := range rows[1:] {
		if row[1] == fmt.Sprint(clips[0].Class[small.Depth-1+k]) {
			right++
		}
	}
	if got := float64(right) / float64(len(rows)-1); math.Abs(got-of) > 1e-9 {
		t.Errorf("applied, accuracy is %.3f, in the run it was %.3f", got, of)
	}
}

// TestPhotosReal films photographs: as many events come of them as of drawn images, give or take.
func TestPhotosReal(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	list, err := readPhotos(filepath.Join(data, "images", "kodak"), 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := small.plan(photos(list, small.Side))
	if err != nil {
		t.Fatal(err)
	}
	clips, err := p.stimulus.film(t.Context(), 2, rand.New(rand.NewPCG(52, 1)), func(papers.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clips {
		t.Logf("%.3f events per place and ms", 2*c.Movie.Density())
		if d := 2 * c.Movie.Density(); d < .01 || d > .5 {
			t.Errorf("%.3f events per place and ms", d)
		}
	}
}

// TestApplyReal decodes a recording of a camera moved along boxes.
func TestApplyReal(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	p, err := small.plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	clips, err := p.stimulus.film(t.Context(), 12, rand.New(rand.NewPCG(51, 1)), func(papers.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := train(t.Context(), p.field, clips, training{100, 64, 5e-3, 5e-4}, rand.New(rand.NewPCG(51, 2)), func(papers.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := saveModel(dir, model{p.shape, p.classes, l}); err != nil {
		t.Fatal(err)
	}
	var said []string
	a := &papers.Application{ModelDir: dir, Files: []string{filepath.Join(data, "events", "dvs-jaer", "IMU_translBoxes.aedat")}, Out: filepath.Join(dir, "out.csv"), Progress: func(papers.Progress) {},
		Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	if err := apply(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	t.Log(said)
	if len(said) != 1 || !strings.Contains(said[0], "bins of 1 ms") {
		t.Errorf("said %q", said)
	}
}

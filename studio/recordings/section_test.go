package recordings

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
)

// A format whose parser hangs.
func init() {
	hang := func(string) (*recording.Recording, error) {
		for n := 0; ; n++ {
			runtime.KeepAlive(n)
		}
	}
	recording.Register(recording.Format{Name: "hanging", Title: "hanging", Extensions: []string{"hang"}, Open: hang,
		Match: func(h recording.Head) recording.Confidence {
			if bytes.HasPrefix(h.Data, []byte("hanging!")) {
				return recording.Sure
			}
			return recording.No
		},
		Describe: func(string) (*recording.Description, error) { _, err := hang(""); return nil, err }})
}

func TestLibrary(t *testing.T) {
	s := newSite(t, Config{})
	save(t, filepath.Join(s.data, "sub", "one.edf"), signals(20, 200, "Fz", "Cz"))
	for _, name := range []string{"two.vhdr", "two.eeg", "two.vmrk", "image.nii.gz", "notes.md", ".hidden.edf"} {
		if err := os.WriteFile(filepath.Join(s.data, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	top := s.page("/recordings")
	for _, want := range []string{`href="/recordings?folder=data"`, `type="file" name="files" multiple`} {
		if !strings.Contains(top, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	folder := s.page("/recordings?folder=data")
	for _, want := range []string{"two.vhdr</a>", "image.nii.gz</a>", `folder=data%2Fsub`, "3 further files"} {
		if !strings.Contains(folder, want) {
			t.Errorf("%s is not in the folder:\n%s", want, folder)
		}
	}
	for _, no := range []string{"two.eeg", "two.vmrk", "hidden.edf"} {
		if strings.Contains(folder, no) {
			t.Errorf("%s is in the folder", no)
		}
	}
	for _, ref := range []string{"data/../secret.edf", "nowhere/x.edf", "/etc/passwd", "data/%2e%2e/x"} {
		if resp, _ := s.get(openPath(ref)); resp.StatusCode != 400 {
			t.Errorf("%s: %d", ref, resp.StatusCode)
		}
	}
	place := s.open("data/sub/one.edf")
	if body := s.page("/recordings"); !strings.Contains(body, "2 channels, 20 s") {
		t.Error("what was opened is not listed with its size")
	}
	if body := s.page(place); !strings.Contains(body, "one.edf") || !strings.Contains(body, `data-viewer="`+place+`"`) || !strings.Contains(body, `id="spectra"`) || !strings.Contains(body, "<svg") {
		t.Errorf("the page lacks something:\n%s", body)
	}
}

// TestTiles compares what a browser gets with the samples.
func TestTiles(t *testing.T) {
	s := newSite(t, Config{})
	r := signals(600, 100, "Fz", "Cz", "Pz")
	r.Gaps = []recording.Gap{{Frame: 30_000, Seconds: 7}}
	save(t, filepath.Join(s.data, "long.edf"), r)
	place := s.open("data/long.edf")
	_, body := s.get(place + "/head")
	var head struct {
		Rate     float64
		Duration float64
		Factors  []int64
		Done     int64
		Segments []struct {
			First, End int64
			Time       float64
		}
		Channels []struct{ Name, Unit string }
		Events   []recording.Event
	}
	if err := json.Unmarshal([]byte(body), &head); err != nil {
		t.Fatal(err)
	}
	if head.Duration != 607 || len(head.Segments) != 2 || head.Segments[1].Time != 307 || head.Done != 60_000 || fmt.Sprint(head.Factors) != "[1 4 16 64]" || head.Channels[0].Unit != "µV" || len(head.Events) != 60 {
		t.Fatalf("%+v", head)
	}
	x, err := r.Read(0, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ factor, index int64 }{{1, 0}, {1, 7}, {4, 3}, {16, 1}, {64, 0}} {
		resp, body := s.get(fmt.Sprintf("%s/tiles/%d/%d?from=1&to=3", place, c.factor, c.index))
		if resp.StatusCode != 200 {
			t.Fatalf("%+v: %d %s", c, resp.StatusCode, body)
		}
		tile, ok := pyramid.Parse([]byte(body))
		if !ok || tile.Channels != 2 || tile.Partial {
			t.Fatalf("%+v: %+v", c, tile)
		}
		first := c.index * c.factor * pyramid.TileBins
		want := pyramid.Reduce(x[first*3:min(60_000, first+c.factor*pyramid.TileBins)*3], 3, c.factor, 1, 3)
		if len(want.Values) != len(tile.Values) {
			t.Fatalf("%+v: %d values, not %d", c, len(tile.Values), len(want.Values))
		}
		for i, v := range tile.Values {
			if math.Abs(float64(v-want.Values[i])) > 0.01 { // of EDF's 16 bits, and of the tile's
				t.Fatalf("%+v: value %d is %g, not %g", c, i, v, want.Values[i])
			}
		}
		again := s.request("GET", resp.Request.URL.RequestURI(), nil)
		again.Header.Set("If-None-Match", resp.Header.Get("ETag"))
		if resp, _ := s.do(again); resp.StatusCode != http.StatusNotModified {
			t.Errorf("%+v: %d", c, resp.StatusCode)
		}
	}
	for _, q := range []string{"2/0?from=0&to=1", "16/99?from=0&to=1", "16/-1?from=0&to=1", "1/0?from=2&to=9", "1/0?from=1&to=1", "1/0", "x/0?from=0&to=1", "16/0?from=-1&to=1"} {
		if resp, _ := s.get(place + "/tiles/" + q); resp.StatusCode != 404 && resp.StatusCode != 400 {
			t.Errorf("%s: %d", q, resp.StatusCode)
		}
	}
	if resp, _ := s.get("/recordings/0123456789abcdef0123/tiles/1/0?from=0&to=1"); resp.StatusCode != 404 {
		t.Error(resp.StatusCode)
	}

	// Without scripts there is a picture, and the way on.
	still := s.page(place + "?still=&at=300&span=10")
	if !strings.Contains(still, "300 to 310 of 607") || !strings.Contains(still, `rel="next"`) || !strings.Contains(still, "Fz") {
		t.Errorf("%s", still)
	}

	// Another server finds it again, and not when the file has changed.
	s.section.shelf.mu.Lock()
	clear(s.section.shelf.opened)
	s.section.shelf.mu.Unlock()
	s.page(place)
	s.section.shelf.mu.Lock()
	clear(s.section.shelf.opened)
	s.section.shelf.mu.Unlock()
	if err := os.Chtimes(filepath.Join(s.data, "long.edf"), time.Now(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if resp, _ := s.get(place); resp.StatusCode != http.StatusGone {
		t.Error(resp.StatusCode)
	}
}

// send uploads files in pieces as the script does, and returns the page to go to.
func (s *site) send(files map[string][]byte) (place string, resp *http.Response, body string) {
	s.t.Helper()
	token := s.token()
	call := func(path string, content io.Reader) (*http.Response, string) {
		r := s.request("POST", path, content)
		r.Header.Set("X-CSRF-Token", token)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/octet-stream")
		return s.do(r)
	}
	var answer map[string]string
	if resp, body = call("/arrivals", nil); resp.StatusCode != http.StatusCreated {
		return "", resp, body
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		s.t.Fatal(err)
	}
	for name, content := range files {
		dir, file := filepath.Split(name)
		if resp, body = call("/arrivals/"+answer["arrival"]+"?"+url.Values{"name": {file}, "dir": {dir}}.Encode(), bytes.NewReader(content)); resp.StatusCode != http.StatusNoContent {
			return "", resp, body
		}
	}
	if resp, body = call("/arrivals/"+answer["arrival"]+"/end", nil); resp.StatusCode != http.StatusOK {
		return "", resp, body
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer["href"], resp, body
}

// brainVision writes a recording in three files whose name has a blank.
func brainVision() map[string][]byte {
	head := "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=my data.eeg\nMarkerFile=my data.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n" +
		"NumberOfChannels=2\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Fz,,0.1,µV\nCh2=Cz,,0.1,µV\n"
	marks := "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=my data.eeg\n[Marker Infos]\nMk1=Stimulus,S  1,100,1,0\n"
	var samples []byte
	for i := range 2 * 2000 {
		samples = binary.LittleEndian.AppendUint16(samples, uint16(int16(200*math.Sin(float64(i)/20))))
	}
	return map[string][]byte{"my data.vhdr": []byte(head), "my data.eeg": samples, "my data.vmrk": []byte(marks)}
}

func TestUpload(t *testing.T) {
	s := newSite(t, Config{Upload: 4 << 20})
	place, resp, body := s.send(brainVision())
	if place == "" {
		t.Fatal(resp.StatusCode, body)
	}
	resp, _ = s.get(place)
	page := resp.Header.Get("Location")
	if v := s.prepared(page); v.State != ready || len(v.Head.Channels) != 2 || v.About.Ref != "uploads/my-data/my data.vhdr" {
		t.Fatalf("%+v %+v", v, v.Problem)
	}
	// The same again gets a folder of its own.
	place, _, _ = s.send(brainVision())
	if !strings.Contains(place, "my-data-2") {
		t.Error(place)
	}
	// As a form.
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("csrf", s.token())
	for name, content := range brainVision() {
		part, err := w.CreateFormFile("files", name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(content)
	}
	w.Close()
	post := func(content []byte) (*http.Response, string) {
		r := s.request("POST", "/recordings", bytes.NewReader(content))
		r.Header.Set("Content-Type", w.FormDataContentType())
		return s.do(r)
	}
	if resp, body = post(form.Bytes()); resp.StatusCode != http.StatusSeeOther || !strings.Contains(resp.Header.Get("Location"), "my-data-3") {
		t.Fatal(resp.StatusCode, body)
	}
	if resp, _ = post(bytes.Replace(form.Bytes(), []byte(s.token()), []byte("another token, which is not this one"), 1)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without the right token: %d", resp.StatusCode)
	}
	// What is refused leaves nothing behind.
	for name, files := range map[string]map[string][]byte{
		"nonsense": {"x.bin": []byte("nothing that anybody reads")},
		"too big":  {"x.edf": make([]byte, 3<<20), "y.edf": make([]byte, 3<<20)},
		"a bomb":   {"x.zip": []byte("PK no")},
	} {
		if place, resp, body := s.send(files); place != "" || resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	// Names do not lead anywhere.
	if _, _, body = s.send(map[string][]byte{"../../../x/evil.csv": []byte("a,b\n1,2\n3,4\n")}); !strings.Contains(body, "uploads%2Fevil") {
		t.Error(body)
	}
	entries, err := os.ReadDir(s.section.uploads.Path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if fmt.Sprint(names) != "[evil my-data my-data-2 my-data-3]" {
		t.Error(names)
	}
	// Delete.
	if body := s.page(page + "/delete"); !strings.Contains(body, "my data.eeg") {
		t.Error("it is not said what is deleted")
	}
	if resp, body := s.post(page+"/delete", nil); resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.StatusCode, body)
	}
	if _, err := os.Stat(filepath.Join(s.section.uploads.Path, "my-data")); err == nil {
		t.Error("the upload is still there")
	}
	if resp, _ := s.get(page); resp.StatusCode != 404 {
		t.Error(resp.StatusCode)
	}
}

func TestUploadsHaveRoom(t *testing.T) {
	s := newSite(t, Config{Kept: 1})
	if err := os.WriteFile(filepath.Join(s.section.uploads.Path, "old.edf"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, resp, body := s.send(brainVision()); resp.StatusCode != http.StatusInsufficientStorage || !strings.Contains(body, "Delete") {
		t.Error(resp.StatusCode, body)
	}
}

// TestHangingParser says on the page that the reader was stopped.
func TestHangingParser(t *testing.T) {
	s := newSite(t, Config{Patience: time.Second})
	if err := os.WriteFile(filepath.Join(s.data, "x.hang"), []byte("hanging!"), 0o644); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	place := s.open("data/x.hang")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	if body := s.page(place); !strings.Contains(body, "did not end within 1s, and was stopped") || !strings.Contains(body, "Try again") {
		t.Error(body)
	}
	// It is remembered, and tried anew when asked for.
	if again := s.open("data/x.hang"); again != place {
		t.Error(again)
	}
	if resp, _ := s.post(place+"/again", nil); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.StatusCode)
	}
}

func TestBrokenFile(t *testing.T) {
	s := newSite(t, Config{})
	if err := os.WriteFile(filepath.Join(s.data, "x.edf"), []byte("0       "+strings.Repeat("nonsense", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	body := s.page(s.open("data/x.edf"))
	if !strings.Contains(body, "It could not be read") || strings.Contains(body, s.data) {
		t.Error(body)
	}
}

// TestRoom keeps the cache within its bound: what was used longest ago goes.
func TestRoom(t *testing.T) {
	s := newSite(t, Config{Cache: 1})
	for i := range 3 {
		save(t, filepath.Join(s.data, fmt.Sprintf("%d.edf", i)), signals(10, 100, "Fz"))
		s.open(fmt.Sprintf("data/%d.edf", i))
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		s.section.shelf.makeRoom()
		entries, err := os.ReadDir(s.section.shelf.dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d recordings are still in the cache", len(entries))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestApply(t *testing.T) {
	s := newSite(t, Config{})
	save(t, filepath.Join(s.data, "one.edf"), signals(30, 200, "Fz", "Cz", "Pz"))
	place := s.open("data/one.edf")
	if body := s.page(place); !strings.Contains(body, "No run here has left a model") {
		t.Error("it is not said that there is no model")
	}
	run := s.train()
	if body := s.page(place); !strings.Contains(body, `value="`+run+`/0"`) {
		t.Fatal("the model is not offered")
	}
	resp, body := s.post(place+"/apply", url.Values{"model": {run + "/0"}})
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.StatusCode, body)
	}
	job := resp.Header.Get("Location")
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(body, "one-loud.csv") || !strings.Contains(body, "s-done") {
		if time.Now().After(deadline) {
			t.Fatal(body)
		}
		time.Sleep(20 * time.Millisecond)
		body = s.page(job)
	}
	if _, table := s.get(job + "/files/one-loud.csv"); !strings.Contains(table, "5,false\n") || !strings.Contains(table, "15,true\n") {
		t.Error(table)
	}
	if body := s.page(place); !strings.Contains(body, job) {
		t.Error("the recording does not know of the application")
	}
}

// TestStrangers sees that nothing is shown to whoever is not the operator.
func TestStrangers(t *testing.T) {
	s := newSite(t, Config{})
	save(t, filepath.Join(s.data, "one.edf"), signals(10, 100, "Fz"))
	place := s.open("data/one.edf")
	for _, path := range []string{"/recordings", place, place + "/tiles/1/0?from=0&to=1", "/live"} {
		r := s.request("GET", path, nil)
		r.Host = "evil.example"
		if resp, _ := s.do(r); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s by another name: %d", path, resp.StatusCode)
		}
	}
	r := s.request("POST", "/arrivals", nil)
	if resp, _ := s.do(r); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
}

// TestFormats opens recordings of many makers, pictures and arrays, each by a process that sees nothing but its folder.
func TestFormats(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("set GYRUS_DATA to the folder of test recordings")
	}
	s := newSite(t, Config{})
	for pattern, channels := range map[string]bool{
		"eeg/eeglab/eeglab_data.set": true, "eeg/eeglab/test.bdf": true, "eeg/eeglab/test.xdf": true, "eeg/eegmmidb-s001/S001R04.edf": true, "eeg/ssvep-exo/subject01_run1.gdf": true, "eeg/yasa-resting/*.fif": true,
		"eeg/formats/brainvision/*.vhdr": true, "eeg/bci2-selfpaced/*.mat": false, "eeg/erpcore-p3/sub-015*.fif": false,
	} {
		found, _ := filepath.Glob(filepath.Join(data, pattern))
		if len(found) == 0 {
			t.Errorf("there is no %s", pattern)
			continue
		}
		from := filepath.Dir(found[0])
		folder := filepath.Join(s.data, filepath.Base(from))
		if _, err := os.Stat(folder); err != nil {
			if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
		ref := "data/" + filepath.Base(from) + "/" + filepath.Base(found[0])
		place := s.open(ref)
		v := s.prepared(place)
		if v.State != ready || (v.Head != nil) != channels {
			t.Errorf("%s is %s, %+v", ref, v.State, v.Problem)
			continue
		}
		if body := s.page(place); !strings.Contains(body, `id="h-facts"`) && !strings.Contains(body, `id="h-contents"`) && !strings.Contains(body, `id="h-spectra"`) {
			t.Errorf("%s: the page says nothing of it", ref)
		}
		if channels {
			if still := s.page(place + "?still="); !strings.Contains(still, "<path") {
				t.Errorf("%s: no traces are drawn", ref)
			}
		}
	}
}

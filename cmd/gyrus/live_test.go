package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gyrus-dev/gyrus/live"
	_ "github.com/gyrus-dev/gyrus/papers/dbconformer"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/lsl"
)

// sides writes 40 s of three channels in which a rhythm of 11 Hz changes sides every two seconds, as the events say.
func sides(t *testing.T, name string, seed uint32) string {
	t.Helper()
	const rate, seconds = 128, 40
	r := &recording.Recording{Rate: rate, Frames: rate * seconds}
	for _, n := range []string{"C3", "Cz", "C4"} {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	m := recording.Memory{Channels: 3}
	for i := range rate * seconds {
		for c := range 3 {
			seed = seed*1664525 + 1013904223
			loud := 5.0
			if c == 2*(i/(2*rate)%2) {
				loud = 20
			}
			m.Data = append(m.Data, float32(20*(float64(seed>>8)/(1<<24)-0.5)+loud*math.Sin(2*math.Pi*11*float64(i)/rate+float64(c))))
		}
	}
	r.Samples = m
	for k := range seconds/2 - 1 {
		r.Events = append(r.Events, recording.Event{Onset: float64(2*k) + 0.25, Label: fmt.Sprintf("T%d", 1+k%2)})
	}
	path := filepath.Join(t.TempDir(), name)
	if err := edf.Save(path, r, edf.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// said collects what a command prints while it runs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for a text and returns the line it is in.
func (s *said) until(t *testing.T, ctx context.Context, text string) string {
	t.Helper()
	for ctx.Err() == nil {
		for line := range strings.Lines(s.String()) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%q was not said:\n%s", text, s)
	return ""
}

// TestLive trains a network, applies it to a recording, and wants the same decisions of gyrus live: on the file, and on a stream that the file is
// replayed as, whose decisions are printed, served over WebSocket and offered as another stream.
func TestLive(t *testing.T) {
	home := t.TempDir()
	train, test := sides(t, "train.edf", 1), sides(t, "test.edf", 2)
	if _, errs, status := gyrus(t, home, "run", "dbconformer", "--quick", "--data", train, "--set", "events=T1,T2", "--set", "from=-0.1", "--set", "to=1.5",
		"--set", "epochs=15", "--set", "batch=8", "--set", "lr=0.003"); status != 0 {
		t.Fatal(errs)
	}
	table := filepath.Join(home, "out.csv")
	if _, errs, status := gyrus(t, home, "apply", "last", test, "--out", table); status != 0 {
		t.Fatal(errs)
	}
	file, err := os.Open(table)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	offline, err := csv.NewReader(file).ReadAll()
	if err != nil || len(offline) != 20 {
		t.Fatalf("%d lines, %v", len(offline), err)
	}
	offline = offline[1:]
	classes := map[string]bool{}
	for _, row := range offline {
		classes[row[1]] = true
	}
	if len(classes) != 2 {
		t.Fatal("all decisions are the same: the comparison would not see a mistake")
	}
	compare := func(how string, k int, name string, p float64) {
		t.Helper()
		if want, err := strconv.ParseFloat(offline[k][2], 64); err != nil || name != offline[k][1] || math.Abs(p-want) > 2e-6 {
			t.Errorf("%s, decision %d: %s, p %g; offline %s, p %s", how, k+1, name, p, offline[k][1], offline[k][2])
		}
	}
	// fromJSON reads decisions and the report behind them.
	fromJSON := func(how, text string) (r live.Report) {
		t.Helper()
		in := json.NewDecoder(strings.NewReader(text))
		for k := range offline {
			var d live.Decision
			if err := in.Decode(&d); err != nil || len(d.Probability) != 2 {
				t.Fatalf("%s, decision %d: %+v, %v\n%s", how, k+1, d, err, text)
			}
			compare(how, k, d.Name, d.Probability[0])
		}
		if err := in.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if in.Decode(&struct{}{}) != io.EOF {
			t.Errorf("%s: more than the report behind the decisions", how)
		}
		return r
	}

	t.Run("file", func(t *testing.T) {
		out, errs, status := gyrus(t, home, "live", "--model", "last", "--stream", test, "--speed", "0", "--json")
		if status != 0 {
			t.Fatal(errs)
		}
		r := fromJSON("file", out)
		if r.Frames != 40*128 || r.Decisions != 19 || r.Events != 19 || r.Missing != 0 || r.Latency.P50 <= 0 || r.Latency.P50 > r.Latency.P99 || r.Latency.P99 > r.Latency.Max || r.Jitter.Max <= 0 {
			t.Errorf("%+v", r)
		}
		out, errs, status = gyrus(t, home, "live", "--stream", test, "--speed", "0", "--quiet", "--step", "0.5")
		if status != 0 || !strings.HasPrefix(out, "5120 frames, 77 decisions\nlatency: median ") || !strings.Contains(out, "\njitter: median ") {
			t.Errorf("status %d\n%s\n%s", status, out, errs)
		}
		before := time.Now()
		out, errs, status = gyrus(t, home, "live", "--stream", test, "--for", "300ms")
		if passed := time.Since(before); status != 0 || !strings.Contains(out, "0 decisions") || passed > 20*time.Second {
			t.Errorf("stopped after 300 ms: status %d after %v\n%s\n%s", status, passed, out, errs)
		}
	})

	t.Run("stream", func(t *testing.T) { liveStream(t, home, test, len(offline), compare, fromJSON) })

	t.Run("refused", func(t *testing.T) {
		thisSite = func() lsl.Network { return loopbackNetwork(t) }
		defer func() { thisSite = lsl.Site }()
		for _, c := range []struct {
			args []string
			says string
		}{
			{nil, "--stream takes"},
			{[]string{"--stream", "nothing of that name", "--wait", "200ms"}, "is its program running"},
			{[]string{"--stream", "ftp://localhost"}, "no stream is read from ftp://"},
			{[]string{"--stream", "tcp://127.0.0.1:1?channels=0&rate=128"}, "0 channels"},
			{[]string{"--stream", test, "--step", "0"}, "--step is 0 s"},
			{[]string{"--stream", test, "--unit", "T"}, "is in T, but the model was trained on uV"},
			{[]string{"--stream", test, "--model", "20990101"}, "20990101"},
			{[]string{"--stream", test, "--seed", "9"}, "no model of seed 9"},
			{[]string{"--stream", test, "--websocket", "127.0.0.1:nowhere"}, "nowhere"},
		} {
			if _, errs, status := gyrus(t, home, append([]string{"live"}, c.args...)...); status != 2 || !strings.Contains(errs, c.says) {
				t.Errorf("live %v: status %d, want 2 with %q\n%s", c.args, status, c.says, errs)
			}
		}
		other := t.TempDir()
		if _, errs, status := gyrus(t, other, "run", "leaky", "--quick"); status != 0 {
			t.Fatal(errs)
		}
		if _, errs, status := gyrus(t, other, "live", "--stream", test); status != 2 || !strings.Contains(errs, "nothing that decodes a stream") {
			t.Errorf("a paper without a decoder: status %d\n%s", status, errs)
		}
	})
}

// loopbackNetwork is one that no other program uses.
func loopbackNetwork(t *testing.T) lsl.Network {
	c, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := lsl.Local()
	n.BasePort, n.Ports, n.DiscoveryPort = min(c.Addr().(*net.TCPAddr).Port+1, 65000), 8, 0
	return n
}

// liveStream replays a recording as a stream into gyrus live and reads its decisions in three places.
func liveStream(t *testing.T, home, path string, want int, compare func(how string, k int, name string, p float64), fromJSON func(how, text string) live.Report) {
	n := loopbackNetwork(t)
	thisMachine, thisSite = func() lsl.Network { return n }, func() lsl.Network { return n }
	defer func() { thisMachine, thisSite = lsl.Local, lsl.Site }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	offer := func(info lsl.Info) *lsl.Outlet {
		o, err := lsl.NewOutlet(n, info, lsl.OutletOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	info := lsl.Info{Name: "amplifier", Type: "EEG", Channels: 3, Rate: r.Rate, Format: lsl.Float32, SourceID: "a"}
	info.Describe([]string{"C3", "Cz", "C4"}, "microvolts", "EEG")
	amp, marks := offer(info), offer(lsl.Info{Name: "marks", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "m"})
	defer amp.Close()
	defer marks.Close()

	var out, errs said
	root := rootCommand()
	root.SetArgs([]string{"--home", home, "live", "--model", "last", "--stream", "EEG", "--markers", "Markers", "--json",
		"--websocket", "127.0.0.1:0", "--outlet", "decisions"})
	root.SetOut(&out)
	root.SetErr(&errs)
	running, interrupt := context.WithCancel(ctx)
	defer interrupt()
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(running) }()

	_, address, _ := strings.Cut(errs.until(t, ctx, "served at"), "served at ")
	page, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer page.CloseNow()
	errs.until(t, ctx, `offered as the stream "decisions"`)
	found, err := n.Find(ctx, "name='decisions' and type='Decisions'", 1)
	if err != nil {
		t.Fatal(err)
	}
	full, err := n.Full(ctx, found[0])
	if err != nil || fmt.Sprint(full.Labels()) != "[class T1 T2]" {
		t.Fatalf("the stream of decisions says it has %v: %v", full.Labels(), err)
	}
	inlet, err := lsl.Open(ctx, n, full, lsl.InletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer inlet.Close()
	for amp.Readers() == 0 || marks.Readers() == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := lsl.Now()
	for _, e := range r.Events {
		if err := marks.Push([]string{e.Label}, begin+e.Onset); err != nil {
			t.Fatal(err)
		}
	}
	const block = 16 // frames; played at about a hundred times its speed
	for at := int64(0); at < r.Frames; at += block {
		x, err := r.Read(at, int(min(block, r.Frames-at)))
		if err != nil {
			t.Fatal(err)
		}
		if err := amp.Push(x, begin+r.Time(at+int64(len(x)/3)-1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	names := []string{"T1", "T2"}
	for k := range want {
		_, text, err := page.Read(ctx)
		var d live.Decision
		if err != nil || json.Unmarshal(text, &d) != nil || len(d.Probability) != 2 {
			t.Fatalf("decision %d over WebSocket is %s: %v", k+1, text, err)
		}
		compare("WebSocket", k, d.Name, d.Probability[0])
		if d.Event != r.Events[k].Label || math.Abs(d.Onset-begin-r.Events[k].Onset) > 0.01 || d.Latency <= 0 {
			t.Errorf("decision %d over WebSocket: %+v", k+1, d)
		}
	}
	var values, times []float64
	for len(values) < 3*want {
		c, err := inlet.Pull(ctx)
		if err != nil {
			t.Fatal(err)
		}
		values, times = append(values, c.Float64s()...), append(times, c.Times...)
	}
	for k := range want {
		compare("outlet", k, names[int(values[3*k])], values[3*k+1])
		if end := begin + r.Events[k].Onset + 1.5; math.Abs(times[k]-end) > 0.05 { // of the window's last sample
			t.Errorf("decision %d of the outlet is of %g s, want %g", k+1, times[k]-begin, end-begin)
		}
	}
	interrupt() // as Ctrl-C
	select {
	case err := <-ended:
		if status := exitStatus(err); status != 0 {
			t.Errorf("status %d: %v", status, err)
		}
	case <-ctx.Done():
		t.Fatal("it does not end")
	}
	report := fromJSON("stdout", out.String())
	if report.Decisions != int64(want) || report.Events != int64(want) || report.Unsent != 0 || report.Latency.P99 <= 0 || report.Unlike != 0 {
		t.Errorf("%+v", report)
	}
	if first, _, _ := strings.Cut(errs.String(), "\n"); first != "looking for the stream name='EEG' or type='EEG'" {
		t.Errorf("it first said %q", first)
	}
	if _, text, err := page.Read(ctx); err == nil {
		t.Errorf("the WebSocket goes on with %s", text)
	}
	if strings.Contains(errs.String(), "warning") {
		t.Errorf("warned:\n%s", errs.String())
	}
}

// TestShowSaysLive tells of a model that decodes streams, and of none that does not.
func TestShowSaysLive(t *testing.T) {
	home := t.TempDir()
	out, _, status := gyrus(t, home, "show", "dbconformer")
	flat := strings.Join(strings.Fields(out), " ")
	if status != 0 || !strings.Contains(flat, "gyrus live --model RUN --stream STREAM decides while the signal comes in; STREAM is a Lab Streaming Layer stream") || !strings.Contains(flat, "or plain frames (tcp://...)") {
		t.Errorf("status %d\n%s", status, out)
	}
	out, _, _ = gyrus(t, home, "show", "dbconformer", "--json")
	var d paperJSON
	if err := json.Unmarshal([]byte(out), &d); err != nil || fmt.Sprint(d.Live) != "[lsl recording osc tcp]" {
		t.Errorf("live in %v, %v", d.Live, err)
	}
	if out, _, _ = gyrus(t, home, "show", "leaky"); strings.Contains(out, "gyrus live") {
		t.Errorf("a paper without a decoder says\n%s", out)
	}
	if help, _, _ := gyrus(t, home, "live", "--help"); !strings.Contains(help, "osc://") || !strings.Contains(help, "tcp://") || !strings.Contains(help, "Lab Streaming Layer") || !strings.Contains(help, "a recording") {
		t.Errorf("the help of live lays out other kinds:\n%s", help)
	}
}

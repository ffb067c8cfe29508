package dbconformer

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/runner"
)

// writeSession writes an EDF file: a rhythm that changes sides every two seconds, with a gap in the middle if asked for. The gap is shorter than a
// second, so that a stream that is sent faster than real time is not taken for one whose clock was set.
func writeSession(t *testing.T, path string, seed uint32, gap bool) {
	t.Helper()
	if err := edf.Save(path, sessionOf(seed, gap), edf.Options{}); err != nil {
		t.Fatal(err)
	}
}

func sessionOf(seed uint32, gap bool) *recording.Recording {
	const rate, seconds = 128, 64
	names := []string{"Fc3", "C3..", "Cz..", "C4.."}
	r := &recording.Recording{Rate: rate, Frames: rate * seconds, Start: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, n := range names {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	m := recording.Memory{Channels: len(names)}
	for i := range rate * seconds {
		side := i / (2 * rate) % 2
		for c := range names {
			seed = seed*1664525 + 1013904223
			noise := float64(seed>>8)/(1<<24) - 0.5
			loud := 1.0
			if c == 1+2*side {
				loud = 4
			}
			m.Data = append(m.Data, float32(20*noise+5*loud*math.Sin(2*math.Pi*11*float64(i)/rate+float64(c))))
		}
	}
	r.Samples = m
	if gap {
		r.Gaps = []recording.Gap{{Frame: 31 * rate, Seconds: 0.75}}
	}
	for k := range seconds/2 - 1 {
		onset := float64(2*k) + 0.25
		if gap && k > 15 {
			onset += 0.75
		}
		r.Events = append(r.Events, recording.Event{Onset: onset, Label: fmt.Sprintf("T%d", 1+k%2)})
	}
	return r
}

// TestLiveDecidesAsOffline trains on a recording and compares the decisions of gyrus apply on another one, with a gap, with those of the loop that
// reads the same file, and that reads the same samples off a stream with a stream of events.
func TestLiveDecidesAsOffline(t *testing.T) {
	folder := t.TempDir()
	train, test := filepath.Join(folder, "train.edf"), filepath.Join(folder, "test.edf")
	writeSession(t, train, 1, false)
	writeSession(t, test, 2, true)
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Preset: papers.Quick, Seed: 1, Home: folder,
		Inputs: map[string]string{"trials": train}, Set: map[string]string{"epochs": "15", "batch": "8", "lr": "0.003", "conformer": "false", "events": "T1,T2", "from": "-0.1", "to": "1.5", "pick": "C4,C3,Cz"}})
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	out := filepath.Join(folder, "out.csv")
	a := application(modelOf(t, o), out, &said, test)
	if err := apply(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	offline, err := csv.NewReader(file).ReadAll()
	if err != nil || len(offline) < 20 {
		t.Fatalf("%d lines, %v", len(offline), err)
	}
	offline = offline[1:]
	var m model
	if _, err := fit.Load(a.ModelDir, &m); err != nil || strings.Join(m.Units, " ") != "uV uV uV" || strings.Join(m.Channels, " ") != "C4 C3 Cz" || m.Rate != 128 || m.Low != 8 || m.High != 32 {
		t.Errorf("the model keeps %v %v, %g Hz, %g to %g Hz: %v", m.Channels, m.Units, m.Rate, m.Low, m.High, err)
	}

	compare := func(name string, d *decisions, r live.Report) {
		if len(*d) != len(offline) || r.Broken == 0 || r.Events != 31 {
			t.Fatalf("%s: %d decisions, offline %d; %+v", name, len(*d), len(offline), r)
		}
		classes := map[string]bool{}
		for i, l := range *d {
			classes[l.Name] = true
			if l.Name != offline[i][1] {
				t.Errorf("%s, trial %d: class %s, offline %s", name, i+1, l.Name, offline[i][1])
			}
			for k, v := range append(l.Probability, l.Attention...) {
				if want, err := strconv.ParseFloat(offline[i][2+k], 64); err != nil || math.Abs(v-want) > 2e-6 {
					t.Errorf("%s, trial %d, column %d: %g, offline %s", name, i+1, 3+k, v, offline[i][2+k])
				}
			}
		}
		if len(classes) != 2 {
			t.Errorf("all decisions are %v: the comparison would not see a mistake", classes)
		}
	}
	for _, source := range []string{"file", "stream"} {
		decoder, err := openLive(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, source, test)
		picked, err := live.Match(s.Signal(), decoder.Window())
		if err != nil {
			t.Fatal(err)
		}
		var d decisions
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		d2 := &counted{decisions: &d, want: len(offline), enough: func() { time.AfterFunc(300*time.Millisecond, stop) }}
		r, err := live.Run(ctx, live.Pick(s, picked), decoder, live.Options{Sinks: []live.Sink{d2}, Queue: 3600})
		stop()
		if err != nil {
			t.Fatal(err)
		}
		compare(source, &d, r)
		decoder.Close()
		s.Close()
	}
}

// open gives a recording as a source: read from its file, or sent through the Lab Streaming Layer.
func open(t *testing.T, how, path string) live.Source {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if how == "file" {
		s, err := live.NewReplay(r, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	c, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := lsl.Local()
	n.BasePort, n.Ports, n.DiscoveryPort = min(c.Addr().(*net.TCPAddr).Port+1, 65000), 8, 0
	c.Close()
	info := lsl.Info{Name: "amp", Type: "EEG", Channels: len(r.Channels), Rate: r.Rate, Format: lsl.Float32, SourceID: "1"}
	var names []string
	for _, c := range r.Channels {
		names = append(names, c.Name)
	}
	info.Describe(names, "microvolts", "EEG")
	amp, err := lsl.NewOutlet(n, info, lsl.OutletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	marks, err := lsl.NewOutlet(n, lsl.Info{Name: "marks", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "2"}, lsl.OutletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := live.OpenLSL(ctx, n, "type='EEG'", "type='Markers'")
	if err != nil {
		t.Fatal(err)
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for amp.Readers() == 0 || marks.Readers() == 0 {
			time.Sleep(time.Millisecond)
		}
		begin := lsl.Now()
		for _, e := range r.Events {
			marks.Push([]string{e.Label}, begin+e.Onset)
		}
		const block = 16
		for at := int64(0); at < r.Frames; at += block {
			x, err := r.Read(at, int(min(block, r.Frames-at)))
			if err != nil {
				t.Error(err)
				return
			}
			last := at + int64(len(x)/len(r.Channels)) - 1
			if err := amp.Push(x, begin+r.Time(last)); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	t.Cleanup(func() { sending.Wait(); amp.Close(); marks.Close(); r.Close() })
	return s
}

// decisions is a sink that keeps them.
type decisions []live.Decision

// counted ends a stream, which has no end of its own, when enough decisions have come.
type counted struct {
	*decisions
	want   int
	enough func()
}

func (c *counted) Send(d live.Decision) {
	if *c.decisions = append(*c.decisions, d); len(*c.decisions) == c.want {
		c.enough()
	}
}
func (c *counted) Lost() int64  { return 0 }
func (c *counted) Close() error { return nil }

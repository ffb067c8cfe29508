package edf

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// made is a file as a test wants it: every field is text, so that it can lie.
type made struct {
	version, patient, session, date, clock, bytes, reserved, records, duration, count string

	signals []madeSignal
	data    []byte
}

type madeSignal struct{ label, unit, pmin, pmax, dmin, dmax, samples string }

// sound is a file of two signals, the second at half the rate, and an annotation signal, with the given lists in its records.
func sound(lists ...string) made {
	m := made{version: "0", patient: "X X X X", session: "Startdate 02-MAR-2002 X X X", date: "02.03.02", clock: "10.11.12", bytes: "1024",
		reserved: "EDF+D", records: fmt.Sprint(len(lists)), duration: "1", count: "3",
		signals: []madeSignal{{"EEG C3", "uV", "-3276.8", "3276.7", "-32768", "32767", "4"}, {"Resp", "mV", "-32768", "32767", "-32768", "32767", "2"},
			{"EDF Annotations", "", "-1", "1", "-32768", "32767", "20"}}}
	for i, l := range lists {
		for k := range 4 {
			m.data = append(m.data, byte(10*i+k), 0)
		}
		for k := range 2 {
			m.data = append(m.data, byte(100+10*i+k), 0)
		}
		list := make([]byte, 40)
		copy(list, strings.NewReplacer("|", "\x14", "_", "\x15", "/", "\x00").Replace(l))
		m.data = append(m.data, list...)
	}
	return m
}

func (m made) content() []byte {
	var b bytes.Buffer
	field := func(width int, s string) { b.WriteString(s + strings.Repeat(" ", max(0, width-len(s)))) } // of bytes
	field(8, m.version)
	field(80, m.patient)
	field(80, m.session)
	field(8, m.date)
	field(8, m.clock)
	field(8, m.bytes)
	field(44, m.reserved)
	field(8, m.records)
	field(8, m.duration)
	field(4, m.count)
	for _, c := range []struct {
		width int
		text  func(madeSignal) string
	}{
		{16, func(s madeSignal) string { return s.label }}, {80, func(madeSignal) string { return "" }}, {8, func(s madeSignal) string { return s.unit }},
		{8, func(s madeSignal) string { return s.pmin }}, {8, func(s madeSignal) string { return s.pmax }},
		{8, func(s madeSignal) string { return s.dmin }}, {8, func(s madeSignal) string { return s.dmax }},
		{80, func(madeSignal) string { return "HP:0.1Hz" }}, {8, func(s madeSignal) string { return s.samples }}, {32, func(madeSignal) string { return "" }},
	} {
		for _, s := range m.signals {
			field(c.width, c.text(s))
		}
	}
	return append(b.Bytes(), m.data...)
}

func read(content []byte) (*recording.Recording, error) {
	f, err := NewFile(records.InMemory(content, "test.edf"))
	if err != nil {
		return nil, err
	}
	return f.Recording()
}

// TestDiscontinuous reads a file with pauses, a fraction of a second at its start, and slow signals.
func TestDiscontinuous(t *testing.T) {
	m := sound("+0.25||/+0.5|first|/", "+1.2501||/", "+5.75||/+2.5_1.5|in the pause|twice|/", "", "+5||/+7.0|back|/")
	r, err := read(m.content())
	if err != nil {
		t.Fatal(err)
	}
	if want := []recording.Gap{{Frame: 8, Seconds: 3.4999}, {Frame: 16, Seconds: -2.75}}; len(r.Gaps) != 2 ||
		r.Gaps[0].Frame != want[0].Frame || math.Abs(r.Gaps[0].Seconds-want[0].Seconds) > 1e-9 || r.Gaps[1].Frame != want[1].Frame || math.Abs(r.Gaps[1].Seconds-want[1].Seconds) > 1e-9 {
		t.Errorf("gaps %v, want %v", r.Gaps, want)
	}
	if want := []recording.Event{{Onset: 0.25, Label: "first"}, {Onset: 2.25, Duration: 1.5, Label: "in the pause"}, {Onset: 2.25, Duration: 1.5, Label: "twice"}, {Onset: 6.75, Label: "back"}}; !slices.Equal(r.Events, want) {
		t.Errorf("events %v, want %v", r.Events, want)
	}
	if want := time.Date(2002, 3, 2, 10, 11, 12, 250e6, time.UTC); !r.Start.Equal(want) || r.Rate != 4 || r.Frames != 20 {
		t.Errorf("start %v, %g Hz, %d frames", r.Start, r.Rate, r.Frames)
	}
	x, err := r.Read(3, 4)
	if want := []float32{0.3, 101, 1, 110, 1.1, 110, 1.2, 111}; err != nil || !near(x, want) {
		t.Errorf("frames 3 to 6 are %v, %v, want %v", x, err, want)
	}
	if r.Channels[1].Type != "resp" || r.Channels[1].Unit != "mV" || r.Metadata["filter"] != "HP:0.1Hz" {
		t.Errorf("%+v %v", r.Channels[1], r.Metadata)
	}
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
}

// TestContinuousStamps ignores what rounding does to the stamps of a continuous file, and believes a large pause.
func TestContinuousStamps(t *testing.T) {
	m := sound("+0||/", "+1.01||/", "+1.99||/", "+9||/")
	m.reserved = "EDF+C"
	r, err := read(m.content())
	if err != nil || len(r.Gaps) != 1 || r.Gaps[0].Frame != 12 || math.Abs(r.Gaps[0].Seconds-6.01) > 1e-9 {
		t.Errorf("gaps %v, %v", r.Gaps, err)
	}
}

// TestChannelAnnotations reads marks that belong to one signal.
func TestChannelAnnotations(t *testing.T) {
	f, err := NewFile(records.InMemory(sound("+0||/+1|a@@EEG C3|/+1|a@@Resp|/", "+1||/+2|b@@other|/").content(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Annotation{{Onset: 1, Text: "a", Channel: "EEG C3"}, {Onset: 1, Text: "a", Channel: "Resp"}, {Onset: 2, Text: "b@@other"}}
	if !slices.Equal(f.Annotations, want) {
		t.Errorf("%v, want %v", f.Annotations, want)
	}
	r, err := f.Recording()
	if want := []recording.Event{{Onset: 1, Label: "a"}, {Onset: 2, Label: "b@@other"}}; err != nil || !slices.Equal(r.Events, want) {
		t.Errorf("%v, %v, want %v", r.Events, err, want)
	}
}

// TestText reads labels, units and annotations in UTF-8 and in Latin-1.
func TestText(t *testing.T) {
	for _, c := range [][2]string{{"Schläfe..", "µV"}, {"Schl\xe4fe..", "\xb5V"}} {
		m := sound("+0||/+1|5 "+c[1]+"|/", "+1||/")
		m.signals[0].label, m.signals[0].unit = c[0], c[1]
		r, err := read(m.content())
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Channels[0]; c.Name != "Schläfe.." || c.Unit != "uV" || len(r.Events) != 1 || r.Events[0].Label != "5 µV" {
			t.Errorf("%+v %v", c, r.Events)
		}
	}
}

func TestLies(t *testing.T) {
	change := func(f func(m *made)) []byte {
		m := sound("+0||/", "+1||/+1.5|x|/")
		f(&m)
		return m.content()
	}
	recordtest.Lies(t, read, []recordtest.Lie{
		{Name: "nothing", Want: "found a file of 0 bytes"},
		{Name: "not EDF", Content: bytes.Repeat([]byte("x"), 3000), Want: `version, at byte 0: found "xxxxxxxx"`},
		{Name: "header only", Content: change(func(m *made) { m.data = nil }), Want: "2 records of 52 bytes"},
		{Name: "half a record", Content: change(func(m *made) { m.data = m.data[:30] }), Want: "2 records of 52 bytes"},
		{Name: "fewer records", Content: change(func(m *made) { m.data = m.data[:60] })},
		{Name: "more records than counted", Content: change(func(m *made) { m.records = "1" })},
		{Name: "running", Content: change(func(m *made) { m.records = "-1" })},
		{Name: "no number of records", Content: change(func(m *made) { m.records = "many" }), Want: `number of records, at byte 236: found "many"`},
		{Name: "more signals than bytes", Content: change(func(m *made) { m.count, m.bytes = "9999", "2560000" }), Want: "expected 2559744 bytes"},
		{Name: "negative signals", Content: change(func(m *made) { m.count = "-3" }), Want: "number of signals"},
		{Name: "no signals", Content: change(func(m *made) { m.count, m.bytes = "0", "256" }), Want: "number of signals"},
		{Name: "signals as a power", Content: change(func(m *made) { m.count = "9e9" }), Want: "number of signals"},
		{Name: "another header length", Content: change(func(m *made) { m.bytes = "1280" }), Want: "expected 1024, for 3 signals"},
		{Name: "negative samples", Content: change(func(m *made) { m.signals[1].samples = "-2" }), Want: "samples in a record of signal 2"},
		{Name: "half a sample", Content: change(func(m *made) { m.signals[1].samples = "1.5" }), Want: "an integer"},
		{Name: "huge records", Content: change(func(m *made) { m.signals[1].samples = "99999999" }), Want: "2 records of 200000046 bytes"},
		{Name: "no samples at all", Content: change(func(m *made) {
			for i := range m.signals {
				m.signals[i].samples = "0"
			}
		}), Want: "without a sample"},
		{Name: "a signal without samples", Content: change(func(m *made) { m.signals[1].samples = "0" })},
		{Name: "negative duration", Content: change(func(m *made) { m.duration = "-1" }), Want: "duration of a record"},
		{Name: "duration that is none", Content: change(func(m *made) { m.duration = "NaN" }), Want: "duration of a record"},
		{Name: "no duration", Content: change(func(m *made) { m.duration = "0" })},
		{Name: "absurd rate", Content: change(func(m *made) { m.duration = "1e-300" }), Want: "below 100 MHz"},
		{Name: "decimal comma", Content: change(func(m *made) { m.signals[0].pmax = "3276,7" })},
		{Name: "no range", Content: change(func(m *made) { m.signals[0].pmax, m.signals[1].dmax = m.signals[0].pmin, m.signals[1].dmin })},
		{Name: "no number", Content: change(func(m *made) { m.signals[0].pmax = "high" }), Want: `physical maximum of signal 1, at byte 592: found "high"`},
		{Name: "infinite range", Content: change(func(m *made) { m.signals[0].pmax = "inf" }), Want: "physical maximum of signal 1"},
		{Name: "no date", Content: change(func(m *made) { m.date, m.session = "yesterday"[:8], "" })},
		{Name: "wild stamps", Content: sound("+99999999999999999||/", "-1e300||/", "nonsense", "+||/", "+1|").content()},
	})
	f, err := NewFile(records.InMemory(change(func(m *made) { m.data = m.data[:60]; m.signals[1].pmax = m.signals[1].pmin }), "x"))
	if err != nil || len(f.Warnings) != 2 || f.Records != 1 || !strings.Contains(f.Warnings[1], "the header counts 2 records, the file has 1 and 8 bytes") {
		t.Errorf("%d records, warnings %q, %v", f.Records, f.Warnings, err)
	}
}

// TestCut cuts a file at every byte: in the header it is refused, behind it there is less of it.
func TestCut(t *testing.T) {
	whole := sound("+0||/+0.5|x|/", "+1||/", "+2||/+2.5|y|/").content()
	if refused := recordtest.Cut(t, read, whole, len(whole), 1); refused != 1024+52 {
		t.Errorf("%d cuts were refused, want all within the header and the first record", refused)
	}
	recordtest.Damage(t, read, whole, len(whole))
}

func FuzzRead(f *testing.F) {
	f.Add(sound("+0||/+0.5|x|/", "+1||/", "+2||/+2.5_3|y@@Resp|/").content())
	m := sound("+0||/")
	m.version, m.reserved = "\xffBIOSEMI", "24BIT"
	m.signals[0].label, m.signals[2].label = "Status", "BDF Annotations"
	f.Add(append(m.content()[:1024], make([]byte, 26*3*4)...))
	m = sound()
	m.signals, m.count, m.bytes, m.duration, m.records = m.signals[2:], "1", "512", "0", "1"
	f.Add(append(m.content(), "+0\x14\x14\x00+0\x1530\x14Sleep stage W\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...))
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(read, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

// TestFormat recognises files by content, and says of a broken one what is wrong with it.
func TestFormat(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	d, err := recording.Inspect(put("nameless", sound("+0||/+0.5|x|/", "+7||/").content()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"EDF+D", "2 (1 eeg, 1 resp)", "4 Hz", "1, 6 s in all", "EEG C3"} {
		if !strings.Contains(d.String(), want) {
			t.Errorf("the description does not say %q:\n%s", want, d)
		}
	}
	if _, err := recording.Inspect(put("x.edf", []byte("Dear reader"))); err == nil || !strings.Contains(err.Error(), "256 bytes") {
		t.Errorf("prose: %v", err)
	}
}

package nihonkohden

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestGolden holds the real recording against what MNE-Python sees in it.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		r, err := recording.Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		want.Check(t, r)
	}
}

// made is a recording of two channels as a test wants it.
type made struct {
	version  string
	sign     byte
	controls byte
	blocks   []madeBlock
	names    string // the .21E; none when empty
	log      []byte // none when nil
	cut      int
}

type madeBlock struct {
	second byte // of its start, in decimal digits
	tenths uint32
	rate   uint16
	inputs []byte
	frames int
}

func sound() made {
	return made{version: "EEG-1100C V01.00", sign: 1, controls: 1, names: "[ELECTRODE]\r\n0000=Fp2\r\n[REFERENCE]\r\n0042=DC-in\r\n[OTHER]\r\n0000=x\r\n",
		blocks: []madeBlock{{second: 0x10, tenths: 20, rate: 5, inputs: []byte{0, 42}, frames: 10}, {second: 0x20, tenths: 10, rate: 5, inputs: []byte{0, 42}, frames: 5}},
		log:    madeLog()}
}

func madeLog() []byte {
	b := make([]byte, 1000)
	copy(b, "EEG-1100C V01.00")
	b[blocksAt] = 1
	little.PutUint32(b[blocksAt+1:], 700)
	little.PutUint32(b[blocksAt+1+subBlocks*entryStep:], 850)
	b[700+0x12], b[850+0x12] = 2, 2
	copy(b[720:], "Auge zu\x00")
	copy(b[740:], "000001(200203)")
	copy(b[765:], "Auge auf, und das la")
	copy(b[785:], "000000(200203)")
	copy(b[870+20:], "0000140000")
	copy(b[870+logEntry:], "ng")
	copy(b[870+logEntry+20:], "0000500000")
	return b
}

func (m made) files() map[string][]byte {
	b := make([]byte, signAt+1)
	copy(b, m.version)
	copy(b[0x40:], "20200203101112")
	copy(b[deviceAt:], m.version)
	b[blocksAt] = m.controls
	little.PutUint32(b[blocksAt+1:], 0x400)
	b[signAt] = m.sign
	b[0x400+17] = byte(len(m.blocks))
	for i, k := range m.blocks {
		little.PutUint32(b[0x400+18+entryStep*i:], uint32(len(b)))
		d := make([]byte, 0x27+10*len(k.inputs))
		copy(d[0x14:], []byte{0x20, 0x02, 0x03, 0x10, 0x11, k.second})
		little.PutUint16(d[0x1a:], k.rate|0xc000)
		little.PutUint32(d[0x1c:], k.tenths)
		d[0x26] = byte(len(k.inputs))
		for c, input := range k.inputs {
			d[0x27+10*c] = input
		}
		for f := range k.frames {
			for c := range k.inputs {
				d = little.AppendUint16(d, uint16(0x8000+(f+10*i)*(1+c)))
			}
			d = little.AppendUint16(d, 0xffff)
		}
		b = append(b, d...)
	}
	files := map[string][]byte{"x.EEG": b[:len(b)-m.cut]}
	if m.names != "" {
		files["x.21E"] = []byte(m.names)
	}
	if m.log != nil {
		files["x.log"] = m.log
	}
	return files
}

func openIn(files map[string][]byte) (*recording.Recording, error) {
	return open("x.EEG", func(path string) (*records.File, error) {
		if b, ok := files[path]; ok {
			return records.InMemory(b, path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

func TestMade(t *testing.T) {
	r, err := openIn(sound().files())
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Channels; c[0].Name != "Fp2" || c[0].Unit != "uV" || c[1].Name != "DC-in" || c[1].Unit != "mV" {
		t.Errorf("channels %v", c)
	}
	x, err := r.Read(0, int(r.Frames))
	if err != nil || r.Frames != 15 || r.Rate != 5 {
		t.Fatalf("%d frames at %g Hz, %v", r.Frames, r.Rate, err)
	}
	for f := range 15 {
		if a, b := float64(x[2*f]), float64(x[2*f+1]); math.Abs(a-0.0976*float64(f)) > 0.01 || math.Abs(b-0.3663*2*float64(f)) > 0.2 {
			t.Errorf("frame %d is %v, %v", f, a, b)
		}
	}
	if len(r.Gaps) != 1 || r.Gaps[0] != (recording.Gap{Frame: 10, Seconds: 8}) {
		t.Errorf("gaps %v", r.Gaps)
	}
	recordtest.Golden{Events: []recordtest.Event{{Onset: 0.5, Label: "Auge auf, und das lang"}, {Onset: 1.14, Label: "Auge zu"}}}.CheckEvents(t, r.Events)
	m := sound()
	m.names, m.log = "", nil
	if r, err = openIn(m.files()); err != nil || r.Channels[0].Name != "FP1" || r.Channels[1].Name != "DC01" || len(r.Events) != 0 {
		t.Errorf("alone: %v, %v", r, err)
	}
}

func TestKind(t *testing.T) {
	for label, want := range map[string]string{"Fp1": "eeg", "CZ": "eeg", "X1": "bio", "X12/BP1": "bio", "DC03": "misc", "$A1": "misc", "Mark1": "stim", "Z": "misc", "EKG1": "ecg"} {
		if got := kind(label); got != want {
			t.Errorf("%s is %q, want %q", label, got, want)
		}
	}
}

func TestLies(t *testing.T) {
	lie := func(name, want string, change func(m *made)) {
		t.Helper()
		m := sound()
		change(&m)
		files := m.files()
		recordtest.Lies(t, func(b []byte) (*recording.Recording, error) { files["x.EEG"] = b; return openIn(files) }, []recordtest.Lie{{Name: name, Content: files["x.EEG"], Want: want}})
	}
	lie("version", "another of the family", func(m *made) { m.version = "EEG-9900C V01.00" })
	lie("sign", "waveform sign", func(m *made) { m.sign = 0 })
	lie("control blocks", "control blocks", func(m *made) { m.controls = 2 })
	lie("no data blocks", "data blocks", func(m *made) { m.blocks = nil })
	lie("no channels", "0 channels", func(m *made) { m.blocks[0].inputs = nil })
	lie("no rate", "at 0 Hz", func(m *made) { m.blocks[0].rate = 0 })
	lie("longer than the file", "as the data block says", func(m *made) { m.blocks[1].tenths = 1<<32 - 1 })
	lie("truncated", "truncated", func(m *made) { m.cut = 1 })
	lie("blocks that differ", "of the first block", func(m *made) { m.blocks[1].inputs = []byte{0, 43} })
	lie("a log of something else", "version", func(m *made) { m.log[0] = 'x' })
	lie("a short log", "header of the log", func(m *made) { m.log = m.log[:50] })
	lie("a cut log", "entries of the log", func(m *made) { m.log = m.log[:780] })
	lie("names without numbers", "", func(m *made) { m.names = "[ELECTRODE]\nabc\n-1=x\n999999=y\n" })
	if _, err := openIn(map[string][]byte{"x.EEG": nil}); err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("nothing: %v", err)
	}
	files := sound().files()
	whole := files["x.EEG"]
	read := func(b []byte) (*recording.Recording, error) {
		return openIn(map[string][]byte{"x.EEG": b, "x.21E": files["x.21E"], "x.log": files["x.log"]})
	}
	for cut := len(whole) - 200; cut < len(whole); cut++ {
		if err := recordtest.Everything(read, whole[:cut]); !recordtest.Refused(err) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(whole), err)
		}
	}
	recordtest.Cut(t, read, whole, 0, 97)
}

func FuzzOpen(f *testing.F) {
	files := sound().files()
	f.Add(files["x.EEG"][:0x200], files["x.EEG"][0x400:0x480], files["x.EEG"][signAt:], files["x.21E"], files["x.log"])
	f.Fuzz(func(t *testing.T, head, control, data, names, log []byte) {
		b := make([]byte, signAt)
		copy(b, head)
		copy(b[0x400:], control)
		files := map[string][]byte{"x.EEG": append(b, data...), "x.21E": names, "x.log": log}
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openIn(files) }, nil); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "nihonkohden")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, content := range sound().files() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := recording.Open(filepath.Join(dir, "x.EEG"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[0].Name, r.Rate, "Hz", r.Start.Format("2006-01-02 15:04:05"))
	for _, e := range r.Events {
		fmt.Printf("%.2f s %s\n", e.Onset, e.Label)
	}
	// Output:
	// Fp2 5 Hz 2020-02-03 10:11:12
	// 0.50 s Auge auf, und das lang
	// 1.14 s Auge zu
}

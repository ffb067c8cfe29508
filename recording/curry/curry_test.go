package curry

import (
	"encoding/binary"
	"fmt"
	"io/fs"
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

// TestGolden holds the real recordings against what MNE-Python sees in them.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		t.Run(name, func(t *testing.T) {
			r, err := recording.Open(recordtest.Data(t, name))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			want.Check(t, r)
		})
	}
}

const parameters = "\ufeff" + `DATA_PARAMETERS START
   DataByteOrder        = INTEL
   DataSampOrder        = SAMP
   FileVersion          =  800
   FrequencyDomain      =  0
   NumSamples           =  4
   NumTrials            =  1
   NumChannels          =  2
   StartYear            =  2020
   StartMonth           =  2
   StartDay             =  3
   StartHour            =  10
   StartMin             =  11
   StartSec             =  12
   StartMillisec        =  250
   SampleTimeUsec       =  2000
DATA_PARAMETERS END
DEVICE_PARAMETERS START
   DataUnit             = uV
   NumChanThisGroup     =  2
DEVICE_PARAMETERS END
DEVICE_PARAMETERS_OTHERS START
   DataUnit             = mV
   NumChanThisGroup     =  1
DEVICE_PARAMETERS_OTHERS END
LABELS START_LIST	# Do not edit!
C3
Ref
LABELS END_LIST
LABELS_OTHERS START_LIST	# Do not edit!
Trigger
LABELS_OTHERS END_LIST
SENSORS START_LIST	# Do not edit!
  71	-17.6	 116.7
 -71	-18.4	 114.6
SENSORS END_LIST
CHAN_IN_FILE START_LIST	# Do not edit!
 2
 0
CHAN_IN_FILE END_LIST
CHAN_IN_FILE_OTHERS START_LIST	# Do not edit!
 1
CHAN_IN_FILE_OTHERS END_LIST
`

const events = `NUMBER_LIST START_LIST	# Do not edit!
  3	 0	 50000	-1
  2	 0	 4	-1
NUMBER_LIST END_LIST
REMARK_LIST START_LIST	# Do not edit!

 go left
REMARK_LIST END_LIST
`

// samples are frames of f and 10 f.
func samples(order binary.ByteOrder, planar bool) []byte {
	var b []byte
	for i := range 8 {
		f, c := i/2, i%2
		if planar {
			f, c = i%4, i/4
		}
		b, _ = binary.Append(b, order, float32(f)*float32(1+9*c))
	}
	return b
}

func openIn(path string, files map[string]string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) {
		if b, ok := files[path]; ok {
			return records.InMemory([]byte(b), path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

func sound() map[string]string {
	return map[string]string{"x.cdt.dpo": parameters, "x.cdt.ceo": events, "x.cdt": string(samples(binary.LittleEndian, false))}
}

func TestMade(t *testing.T) {
	split := strings.Index(parameters, "LABELS START_LIST")
	for name, c := range map[string]struct {
		path  string
		files map[string]string
	}{
		"samples named":    {"x.cdt", sound()},
		"parameters named": {"x.cdt.dpo", sound()},
		"Curry 7":          {"x.dap", map[string]string{"x.dap": parameters[:split], "x.rs3": parameters[split:], "x.cef": events, "x.dat": string(samples(binary.LittleEndian, false))}},
		"DOS":              {"x.cdt", map[string]string{"x.cdt.dpa": strings.ReplaceAll(parameters, "\n", "\r\n"), "x.cdt.cef": strings.ReplaceAll(events, "\n", "\r\n"), "x.cdt": string(samples(binary.LittleEndian, false))}},
		"big":              {"x.cdt", map[string]string{"x.cdt.dpa": strings.Replace(parameters, "INTEL", "MOTOROLA", 1), "x.cdt.cef": events, "x.cdt": string(samples(binary.BigEndian, false))}},
		"planar":           {"x.cdt", map[string]string{"x.cdt.dpa": strings.Replace(parameters, "SAMP\n", "CHAN\n", 1), "x.cdt.cef": events, "x.cdt": string(samples(binary.LittleEndian, true))}},
	} {
		r, err := openIn(c.path, c.files)
		if err != nil {
			t.Fatal(name, err)
		}
		x, err := r.Read(1, 2)
		if want := []float32{1, 10, 2, 20}; err != nil || !slices.Equal(x, want) || r.Frames != 4 || r.Rate != 500 {
			t.Errorf("%s: %v, %v, want %v; %d frames, %g Hz", name, x, err, want, r.Frames, r.Rate)
		}
		if c := r.Channels; c[0].Name != "Trigger" || c[0].Type != "misc" || c[0].Unit != "mV" || c[1].Name != "C3" || c[1].Position == nil || math.Abs(c[1].Position[2]-0.1167) > 1e-12 {
			t.Errorf("%s: %+v", name, c)
		}
		if want := []recording.Event{{Onset: 0.004, Label: "go left"}, {Onset: 0.006, Label: "50000"}}; !slices.Equal(r.Events, want) || !r.Start.Equal(time.Date(2020, 2, 3, 10, 11, 12, 250e6, time.UTC)) {
			t.Errorf("%s: %v, %v", name, r.Events, r.Start)
		}
	}
}

func TestLies(t *testing.T) {
	lie := func(name, old, new, want string) {
		t.Helper()
		files := sound()
		for k := range files {
			files[k] = strings.Replace(files[k], old, new, 1)
		}
		recordtest.Lies(t, func([]byte) (*recording.Recording, error) { return openIn("x.cdt", files) }, []recordtest.Lie{{Name: name, Want: want}})
	}
	lie("nothing", parameters, "", "SampleTimeUsec: found no such line")
	lie("epochs", "NumTrials            =  1", "NumTrials = 40", "1, continuous data")
	lie("frequencies", "FrequencyDomain      =  0", "FrequencyDomain = 1", "0, continuous data")
	lie("no interval", "=  2000", "= 0", "microseconds between samples")
	lie("negative samples", "NumSamples           =  4", "NumSamples = -4", "a whole number from 0 on")
	lie("more samples", "NumSamples           =  4", "NumSamples = 4000000", "")
	lie("more channels", "NumChannels          =  2", "NumChannels = 2000000000", "there are 3")
	lie("no channels", "NumChannels          =  2", "NumChannels = 0", "a number from 1 on")
	lie("groups that do not fit", "NumChanThisGroup     =  2", "NumChanThisGroup = 7", "as many as there are labels")
	lie("a huge group", "NumChanThisGroup     =  2", "NumChanThisGroup = 999999999999", "as many as there are labels")
	lie("text samples", "INTEL", "ASCII", "INTEL or MOTOROLA")
	lie("position", "-17.6", "somewhere", "three coordinates")
	lie("place", "\n 2\n", "\n 9\n", "each place from 1 to 2")
	lie("same place", "\n 2\n", "\n 1\n", "each place from 1 to 2 once")
	lie("place that is none", "\n 2\n", "\n x\n", "the place of a channel, or 0")
	lie("event without a number", "  3	 0	 50000", "  x	 0	 50000", "sample, state and code")
	files := sound()
	for cut := range parameters {
		files["x.cdt.dpo"] = parameters[:cut]
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openIn("x.cdt", files) }, nil); err != nil && !recordtest.Refused(err) {
			t.Errorf("parameters cut to %d bytes: %v", cut, err)
		}
	}
	files = sound()
	for cut := range len(files["x.cdt"]) {
		files["x.cdt"] = files["x.cdt"][:len(files["x.cdt"])-1]
		r, err := openIn("x.cdt", files)
		if err != nil || r.Frames != int64(31-cut)/8 || len(r.Warnings) == 0 {
			t.Errorf("samples cut by %d bytes: %v, %v", cut+1, r, err)
		}
	}
	delete(files, "x.cdt")
	if _, err := openIn("x.cdt", files); err == nil || !strings.Contains(err.Error(), "beside the parameters") {
		t.Errorf("no samples: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(parameters, events, samples(binary.LittleEndian, false))
	f.Add(strings.Replace(parameters, "SAMP\n", "CHAN\n", 1), "", samples(binary.LittleEndian, true))
	f.Fuzz(func(t *testing.T, parameters, events string, data []byte) {
		files := map[string]string{"x.cdt.dpa": parameters, "x.cdt.cef": events, "x.cdt": string(data)}
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openIn("x.cdt", files) }, nil); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "curry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, content := range sound() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := recording.Open(filepath.Join(dir, "x.cdt"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[1].Name, r.Rate, "Hz", r.Events)
	// Output:
	// C3 500 Hz [{0.004 0 go left} {0.006 0 50000}]
}

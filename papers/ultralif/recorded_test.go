package ultralif

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// writeNMNIST writes recordings of two classes in N-MNIST's form: a dot that moves along the diagonal, or along the other one.
func writeNMNIST(t *testing.T, change func(events []byte, label int)) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"Train", "Test"} {
		for label := range 10 {
			folder := filepath.Join(dir, part, strconv.Itoa(label))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if label > 1 {
				continue
			}
			for n := range 25 {
				var events []byte
				for k := range 200 {
					x, y := byte(k*33/200), byte((k*33/200+n)%34)
					if label == 1 {
						x = 33 - x
					}
					var time [4]byte
					binary.BigEndian.PutUint32(time[:], uint32(k*1500))
					events = append(events, x, y, byte(k%2)<<7|time[1], time[2], time[3])
				}
				change(events, label)
				if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(n)+".bin"), events, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return dir
}

// TestRecorded trains on a small set written in N-MNIST's form and refuses what is wrong with others.
func TestRecorded(t *testing.T) {
	dir := writeNMNIST(t, func([]byte, int) {})
	o, err := execute(t, "recorded", map[string]string{"batch": "8"}, map[string]string{"n-mnist": dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"one", "long"} {
		if got := runnertest.Value(t, o, ultraDLIF, metric); got < .8 {
			t.Errorf("accuracy %g (%s) on two classes that differ plainly", got, metric)
		}
	}
	for _, c := range []struct {
		name   string
		set    map[string]string
		inputs map[string]string
		says   []string
	}{
		{"no set", nil, nil, []string{"needs a set", "--data"}},
		{"two sets", nil, map[string]string{"n-mnist": dir, "shd": dir}, []string{"one set at a time"}},
		{"no steps", map[string]string{"steps": "0"}, map[string]string{"n-mnist": dir}, []string{"T must be between 1 and"}},
		{"another set", nil, map[string]string{"shd": dir}, []string{dir, "shd_train.h5"}},
		{"pixel beyond the sensor", nil, map[string]string{"n-mnist": writeNMNIST(t, func(e []byte, label int) { e[50] = 40 + byte(label) })},
			[]string{"fields x and y", "event 10", "(40,", "34 x 34"}},
		{"unsorted times", nil, map[string]string{"n-mnist": writeNMNIST(t, func(e []byte, _ int) { e[500+2], e[500+3] = 0, 0 })},
			[]string{"field times", "event 100", "in order"}},
		{"more steps than hold events", map[string]string{"steps": "100"}, map[string]string{"n-mnist": writeNMNIST(t, func(e []byte, _ int) {
			for k := range e {
				if k%5 >= 2 && k < 900 { // all but the last events at once
					e[k] = 0
				}
			}
		})}, []string{"T is 100", "T must be between 1 and"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := execute(t, "recorded", c.set, c.inputs)
			says(t, err, c.says...)
			var refused *papers.RefusedError
			if !errors.As(err, &refused) {
				t.Errorf("%v is no refusal", err)
			}
		})
	}
}

// TestRecordings runs on real recordings: a part of N-MNIST.
func TestRecordings(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	o, err := execute(t, "recorded", map[string]string{"epochs": "20"}, map[string]string{"n-mnist": filepath.Join(data, "events", "nmnist-small")})
	if err != nil {
		t.Fatal(err)
	}
	if v := runnertest.Value(t, o, ultraDLIF, "one"); v < .15 {
		t.Errorf("accuracy %g on ten classes", v)
	}
}

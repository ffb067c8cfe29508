package xdf

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "xdf", Title: "XDF (Lab Streaming Layer)", Extensions: []string{"xdf", "xdfz"},
		Match: match, Describe: describe, Arrays: arrays, Open: open,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case bytes.HasPrefix(h.Data, []byte(magic)):
		return recording.Sure
	case h.Ext == "xdf" || h.Ext == "xdfz":
		return recording.Likely // opening it will say what is wrong
	}
	return recording.No
}

func open(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.Recording("")
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// stampsOf begins the name of the array of a stream's time stamps.
const stampsOf = "time stamps of "

// arrays gives the values of every stream, samples x channels, called by its label, and its time stamps in seconds.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if len(names) == 0 {
		for _, s := range f.Streams {
			names = append(names, s.Label(), stampsOf+s.Label())
		}
	}
	var out []*recording.Array
	for _, name := range names {
		stamps := strings.HasPrefix(name, stampsOf)
		s, err := f.Stream(strings.TrimPrefix(name, stampsOf))
		if err != nil {
			return nil, err
		}
		a := &recording.Array{Name: name, Dims: []int{len(s.Stamps)}, Data: slices.Clone(s.Stamps)}
		if !stamps {
			if a, err = s.Values(); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// few is how many texts a description shows.
const few = 6

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Items: []recording.Item{}}
	if at := f.Header.Text("datetime"); at != "" {
		d.Properties = append(d.Properties, recording.Property{Name: "recorder started", Value: at})
	}
	for _, s := range f.Streams {
		item := recording.Item{Name: s.Label(), Type: s.Format, Dims: []int{len(s.Stamps), s.Channels}}
		notes := []string{s.Type}
		if s.Rate > 0 {
			notes = append(notes, fmt.Sprintf("%g Hz, by its stamps %.6g Hz", s.Rate, s.EffectiveRate))
		} else {
			notes = append(notes, "irregular")
		}
		if n := len(s.Segments); n > 1 {
			notes = append(notes, fmt.Sprintf("%d segments", n))
		}
		if n := len(s.ClockSegments); n > 1 {
			notes = append(notes, fmt.Sprintf("clock reset %d times", n-1))
		}
		if s.size == 0 {
			texts, err := s.Texts()
			if err != nil {
				return nil, err
			}
			var seen []string
			for _, text := range texts {
				if len(seen) <= few && !slices.Contains(seen, text) {
					seen = append(seen, text)
				}
			}
			if len(seen) > few {
				seen[few] = "..."
			}
			notes = append(notes, strings.Join(seen, ", "))
		} else {
			var sum recording.Range
			decode := s.decoder()
			err := s.each(0, len(s.Stamps), func(b []byte) error {
				for ; len(b) > 0; b = b[s.size:] {
					sum.Add(float64(decode(b)))
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			item.Range = &sum
		}
		item.Text = strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), ", ")
		d.Items = append(d.Items, item)
		d.Warnings = append(d.Warnings, s.warnings()...)
	}
	return d, nil
}

// warnings says what is odd about a stream.
func (s *Stream) warnings() (out []string) {
	if s.Rate > 0 && s.EffectiveRate > 0 && (s.EffectiveRate > 1.1*s.Rate || s.EffectiveRate < 0.9*s.Rate) {
		out = append(out, fmt.Sprintf("stream %s: announced at %g Hz, stamps give %.6g Hz", s.Label(), s.Rate, s.EffectiveRate))
	}
	if s.Footer == nil {
		out = append(out, fmt.Sprintf("stream %s has no footer: the recorder did not finish", s.Label()))
	}
	return out
}

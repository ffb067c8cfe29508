package snirf

import (
	"bytes"
	"fmt"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

func init() {
	recording.Register(recording.Format{
		Name: "snirf", Title: "SNIRF", Extensions: []string{"snirf"},
		Match: match, Describe: describe, Open: open,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case hdf5.IsHDF5(h) && (h.Ext == "snirf" || bytes.Contains(h.Data, []byte("formatVersion")) && bytes.Contains(h.Data, []byte("nirs"))):
		return recording.Sure
	case h.Ext == "snirf" && !h.Gzip:
		return recording.Likely // opening it will say what is wrong
	}
	return recording.No
}

func open(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.Recording()
	if err != nil {
		f.Close()
		return nil, err
	}
	r.Samples.(*source).owner = f
	return r, nil
}

// describe says what is in the only block of data, or lists the blocks.
func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Items: []recording.Item{}}
	if r, err := f.Recording(); err == nil {
		if d, err = r.Describe(); err != nil {
			return nil, err
		}
	} else {
		for _, run := range f.Runs {
			for _, block := range run.Data {
				d.Items = append(d.Items, recording.Item{Name: block.Path, Type: "recording", Dims: []int{block.Frames, len(block.Channels)}, Text: fmt.Sprintf("%.6g Hz", block.Rate)})
			}
		}
	}
	d.Title = "SNIRF " + f.Version
	for _, run := range f.Runs {
		where := ""
		if len(f.Runs) > 1 {
			where = " of " + run.Path
		}
		d.Properties = append(d.Properties, recording.Property{Name: "optodes" + where, Value: fmt.Sprintf("%d sources, %d detectors, wavelengths %v nm", len(run.Sources), len(run.Detectors), run.Wavelengths)})
		for _, a := range run.Aux {
			d.Properties = append(d.Properties, recording.Property{Name: "auxiliary signal" + where, Value: fmt.Sprintf("%s, %d frames at %.6g Hz", a.Name, a.Frames, a.Rate)})
		}
	}
	return d, nil
}

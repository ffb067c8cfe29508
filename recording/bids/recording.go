package bids

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Recording opens a recording by its format and applies what the files beside it say:
//
//   - events.tsv takes the place of the file's own events, with trial_type (or else value) as label;
//   - channels.tsv gives types, units where the file has none, and the channels that are bad (Metadata "bad channels");
//   - electrodes.tsv gives positions, in the unit of coordsystem.json;
//   - the sidecar's power line frequency, task and reference go into Metadata, and a sampling frequency that differs from the
//     file's is warned of.
//
// Samples are as the format gives them. Close the recording when done.
func (d *Dataset) Recording(f File) (*recording.Recording, error) {
	r, err := recording.Open(d.File(f))
	if err != nil {
		return nil, err
	}
	if r.Metadata == nil {
		r.Metadata = map[string]string{}
	}
	for _, apply := range []func(File, *recording.Recording) error{d.applySidecar, d.applyChannels, d.applyElectrodes, d.applyEvents} {
		if err := apply(f, r); err != nil {
			r.Close()
			return nil, err
		}
	}
	r.Metadata["data set"] = d.Name
	return r, nil
}

// Events reads the events.tsv that belongs to a recording or a run of volumes, in order of onset; nil when there is none.
func (d *Dataset) Events(f File) ([]recording.Event, error) {
	t, err := d.companion(f, "events")
	if t == nil {
		return nil, err
	}
	if _, err := t.column("onset"); err != nil {
		return nil, err
	}
	out := []recording.Event{}
	for i := range t.rows {
		onset, there, err := t.number(i, "onset")
		if err != nil {
			return nil, err
		}
		duration, _, err := t.number(i, "duration")
		if err != nil {
			return nil, err
		}
		if !there || math.IsNaN(onset) {
			continue // an event without a time
		}
		label := t.cell(i, "trial_type")
		if label == "" {
			label = t.cell(i, "value")
		}
		out = append(out, recording.Event{Onset: onset, Duration: duration, Label: label})
	}
	slices.SortStableFunc(out, func(a, b recording.Event) int {
		switch {
		case a.Onset < b.Onset:
			return -1
		case a.Onset > b.Onset:
			return 1
		}
		return 0
	})
	return out, nil
}

// companion reads the table of a suffix that describes f, or nil.
func (d *Dataset) companion(f File, suffix string) (*table, error) {
	g, ok := d.Companion(f, suffix, ".tsv")
	if !ok {
		return nil, nil
	}
	content, err := d.read(g.Path)
	if err != nil {
		return nil, err
	}
	return d.table(g.Path, content)
}

func (d *Dataset) applyEvents(f File, r *recording.Recording) error {
	events, err := d.Events(f)
	if events != nil {
		r.Events = events
	}
	return err
}

func (d *Dataset) applySidecar(f File, r *recording.Recording) error {
	fields, err := d.Sidecar(f)
	if err != nil {
		return err
	}
	for key, name := range map[string]string{"TaskName": "task", "PowerLineFrequency": "line frequency", "EEGReference": "reference",
		"iEEGReference": "reference", "Manufacturer": "manufacturer"} {
		switch v := fields[key].(type) {
		case string:
			r.Metadata[name] = v
		case float64:
			r.Metadata[name] = fmt.Sprintf("%g Hz", v)
		}
	}
	if rate, ok := fields["SamplingFrequency"].(float64); ok && rate > 0 {
		switch {
		case r.Rate == 0:
			r.Rate = rate
		case math.Abs(rate-r.Rate) > 1e-3*r.Rate:
			r.Warn("the sidecar says %g Hz, the file %g Hz", rate, r.Rate)
		}
	}
	return nil
}

// types maps BIDS's words for what a channel measures to MNE-Python's.
var types = map[string]string{"EEG": "eeg", "MEGMAG": "mag", "MEGGRADAXIAL": "mag", "MEGGRADPLANAR": "grad", "MEGGRAD": "grad", "MEGREFMAG": "ref_meg",
	"MEGREFGRADAXIAL": "ref_meg", "MEGREFGRADPLANAR": "ref_meg", "MEGOTHER": "misc", "ECOG": "ecog", "SEEG": "seeg", "DBS": "dbs", "EOG": "eog",
	"VEOG": "eog", "HEOG": "eog", "ECG": "ecg", "EMG": "emg", "TRIG": "stim", "RESP": "resp", "GSR": "gsr", "TEMP": "temperature", "HLU": "chpi",
	"EYEGAZE": "eyegaze", "PUPIL": "pupil", "AUDIO": "misc", "PD": "misc", "MISC": "misc", "OTHER": "misc", "REF": "misc", "SYSCLOCK": "syst", "ADC": "misc", "DAC": "misc",
	"FITERR": "misc", "NIRSCWAMPLITUDE": "fnirs_cw_amplitude", "NIRSCWOPTICALDENSITY": "fnirs_od", "NIRSCWHBO": "hbo", "NIRSCWHBR": "hbr"}

func (d *Dataset) applyChannels(f File, r *recording.Recording) error {
	t, err := d.companion(f, "channels")
	if t == nil {
		return err
	}
	index := channelsByName(r)
	name, err := t.column("name")
	if err != nil {
		return err
	}
	var bad, unknown []string
	for i, row := range t.rows {
		k, ok := index[row[name]]
		if !ok {
			unknown = append(unknown, row[name])
			continue
		}
		c := &r.Channels[k]
		if kind, ok := types[strings.ToUpper(t.cell(i, "type"))]; ok {
			// A file that knows its magnetometers from its gradiometers is believed.
			if !((c.Type == "mag" || c.Type == "grad") && (kind == "mag" || kind == "grad")) {
				c.Type = kind
			}
		}
		if unit := t.cell(i, "units"); c.Unit == "" && unit != "" {
			c.Unit = strings.NewReplacer("µ", "u", "μ", "u").Replace(unit)
		}
		if t.cell(i, "status") == "bad" {
			bad = append(bad, row[name])
		}
	}
	if len(bad) > 0 {
		r.Metadata["bad channels"] = strings.Join(bad, ", ")
	}
	if len(unknown) > 0 {
		r.Warn("channels.tsv has channels that the file does not have: %s", strings.Join(unknown, ", "))
	}
	return nil
}

func channelsByName(r *recording.Recording) map[string]int {
	index := map[string]int{}
	for i, c := range r.Channels {
		index[c.Name] = i
	}
	return index
}

// lengths gives the metres in the units of coordsystem.json.
var lengths = map[string]float64{"m": 1, "cm": 1e-2, "mm": 1e-3}

func (d *Dataset) applyElectrodes(f File, r *recording.Recording) error {
	t, err := d.companion(f, "electrodes")
	if t == nil {
		return err
	}
	name, err := t.column("name")
	if err != nil {
		return err
	}
	g, _ := d.Companion(f, "electrodes", ".tsv")
	system, err := d.merged(g, "coordsystem") // of the same space
	if err != nil {
		return err
	}
	metres := 0.0
	for _, key := range []string{"EEGCoordinateUnits", "iEEGCoordinateUnits", "NIRSCoordinateUnits"} {
		if unit, ok := system[key].(string); ok && metres == 0 {
			metres = lengths[unit]
		}
	}
	if metres == 0 {
		r.Warn("electrodes are not placed: coordsystem.json does not give a unit of length")
		return nil
	}
	index := channelsByName(r)
	for i, row := range t.rows {
		k, ok := index[row[name]]
		if !ok {
			continue
		}
		var p [3]float64
		all := true
		for a, axis := range []string{"x", "y", "z"} {
			v, there, err := t.number(i, axis)
			if err != nil {
				return err
			}
			p[a] = v * metres
			all = all && there
		}
		if all {
			r.Channels[k].Position = &p
		}
	}
	return nil
}

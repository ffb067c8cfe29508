package records

import (
	"slices"
	"testing"
)

func TestChannelType(t *testing.T) {
	for label, want := range map[string]string{"EEG Fpz-Cz": "eeg", "EOG horizontal": "eog", "ECG": "ecg", "EKGL": "ecg", "EMG1": "emg", "Resp oro-nasal": "resp",
		"Temp rectal": "temperature", "Status": "stim", "TRIGGER": "stim", "Fc5.": "eeg", "": "eeg", "ECOG": "ecog", "SaO2 finger": "bio", "ecg-2": "ecg", "HEOG": "eog", "VEOGo": "eog", "TempL": "eeg"} {
		if got := ChannelType(label, "uV"); got != want {
			t.Errorf("%q is %q, want %q", label, got, want)
		}
	}
	if got := ChannelType("pulse", "BPM"); got != "misc" {
		t.Errorf("beats per minute are %q", got)
	}
}

func TestUnit(t *testing.T) {
	for unit, want := range map[string]string{"µV": "uV", "μV": "uV", "\x83\xcaV": "uV", "UV": "uV", "mV": "mV", "": "", "%": "%"} {
		if got := Unit(unit); got != want {
			t.Errorf("%q is %q, want %q", unit, got, want)
		}
	}
}

func TestUnique(t *testing.T) {
	for _, c := range [][2][]string{
		{{"a", "b"}, {"a", "b"}},
		{{"a", "b", "a", "a"}, {"a-0", "b", "a-1", "a-2"}},
		{{"a", "a-0", "a"}, {"a-1", "a-0", "a-2"}},
	} {
		if got := Unique(c[0]); !slices.Equal(got, c[1]) {
			t.Errorf("%v becomes %v, want %v", c[0], got, c[1])
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "a\x00b": "a", "\xb5V": "µV", "µV": "µV", "": ""} {
		if got := Text([]byte(in)); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for s, want := range map[string]float64{"1": 1, " -2.5 ": -2.5, "+1e3": 1000, "007": 7, ".5": 0.5} {
		if got, err := Number(s); err != nil || got != want {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "inf", "NaN", "0x10", "1_000", "1e999", "1 2", "--1"} {
		if got, err := Number(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	for _, s := range []string{"1.5", "1e16", "x"} {
		if got, err := Integer(s); err == nil {
			t.Errorf("%q is the integer %v", s, got)
		}
	}
	if got, err := Integer("-12"); err != nil || got != -12 {
		t.Errorf("-12 is %v, %v", got, err)
	}
}

func TestTypedLabels(t *testing.T) {
	for _, c := range []struct{ name, kind, unit, label, back string }{
		{"C3", "eeg", "uV", "EEG C3", "eeg"}, {"EEG 001", "eeg", "uV", "EEG EEG 001", "eeg"}, {"left", "eog", "uV", "EOG left", "eog"},
		{"x", "emg", "uV", "EMG x", "emg"}, {"x", "ecg", "mV", "ECG x", "ecg"}, {"belt", "resp", "uV", "Resp belt", "resp"}, {"STI 014", "stim", "", "STIM STI 014", "stim"},
		{"0111", "mag", "fT", "MEG 0111", "mag"}, {"0112", "grad", "fT/cm", "MEG 0112", "grad"}, {"skin", "temperature", "C", "Temp skin", "temperature"},
		{"a", "ecog", "uV", "ECOG a", "ecog"}, {"n", "", "uV", "MISC n", "misc"}, {"n", "hbo", "uV", "MISC n", "misc"},
	} {
		label := TypedLabel(c.name, c.kind)
		name, kind, ok := SplitLabel(label, c.unit)
		if label != c.label || name != c.name || kind != c.back || !ok {
			t.Errorf("%s %s: label %q, back as %q of %q", c.kind, c.name, label, name, kind)
		}
	}
	for _, label := range []string{"Fc5.", "EEG", "EEG ", "POL E", "ECG2", "", "C3 EEG"} {
		if name, _, ok := SplitLabel(label, "uV"); ok || name != label {
			t.Errorf("%q is taken apart to %q", label, name)
		}
	}
}

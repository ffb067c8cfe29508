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

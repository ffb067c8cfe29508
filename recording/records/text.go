package records

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kinds are the first words of labels in EDF+'s standard texts, and those that laboratories use, with MNE-Python's words for
// what they announce.
var kinds = map[string]string{"EEG": "eeg", "SEEG": "seeg", "ECOG": "ecog", "IEEG": "ecog", "DBS": "dbs", "EOG": "eog", "HEOG": "eog",
	"VEOG": "eog", "ECG": "ecg", "EKG": "ecg", "EMG": "emg", "RESP": "resp", "TEMP": "temperature", "GSR": "gsr", "BIO": "bio", "SAO2": "bio",
	"SPO2": "bio", "MISC": "misc", "STIM": "stim", "STATUS": "stim", "TRIGGER": "stim"}

// ChannelType is the recording.Channel type that a label's first word announces, as in "EEG Fpz-Cz" or "ECG2", or else the
// one that a unit suggests: "eeg" for a voltage, as MNE-Python assumes, and "misc" for all others.
func ChannelType(label, unit string) string {
	word := strings.ToUpper(label)
	if words := strings.Fields(word); len(words) > 0 {
		word = words[0]
	}
	for _, w := range []string{word, strings.TrimRight(word, "0123456789.:-_+")} {
		if kind, ok := kinds[w]; ok {
			return kind
		}
	}
	for _, prefix := range []string{"EOG", "HEOG", "VEOG", "ECG", "EKG", "EMG"} { // also "VEOGu", "EKGL"
		if strings.HasPrefix(word, prefix) {
			return kinds[prefix]
		}
	}
	if word == "MEG" && (strings.HasSuffix(unit, "T/m") || strings.HasSuffix(unit, "T/cm")) {
		return "grad"
	}
	if word == "MEG" && strings.HasSuffix(unit, "T") {
		return "mag"
	}
	switch unit {
	case "", "uV", "mV", "nV", "V", "MV":
		return "eeg"
	}
	return "misc"
}

// typeWords are the first words of labels that stand for types, as EDF+'s standard texts have them.
var typeWords = map[string]string{"eeg": "EEG", "seeg": "SEEG", "ecog": "ECOG", "dbs": "DBS", "eog": "EOG", "ecg": "ECG", "emg": "EMG", "resp": "Resp",
	"temperature": "Temp", "gsr": "GSR", "bio": "BIO", "misc": "MISC", "stim": "STIM", "mag": "MEG", "grad": "MEG", "ref_meg": "MEG"}

// TypedLabel puts the word for a channel's type before its name: "EEG C3". A type that has no word gets that for none in particular.
func TypedLabel(name, kind string) string { return cmp.Or(typeWords[kind], "MISC") + " " + name }

// SplitLabel takes a label apart that begins with the word for a type: "EEG C3" is a channel C3 of EEG. A unit tells the sensors of MEG apart.
func SplitLabel(label, unit string) (name, kind string, ok bool) {
	word, name, ok := strings.Cut(label, " ")
	name = strings.TrimSpace(name)
	if kind = kinds[strings.ToUpper(word)]; !ok || name == "" || kind == "" && !strings.EqualFold(word, "MEG") {
		return label, "", false
	}
	return name, ChannelType(word, unit), true
}

// Unit writes a unit in ASCII: the many ways to write a micro sign become u.
func Unit(unit string) string {
	for _, micro := range []string{"\u03bc", "\u00b5", "\u0083\u00ca", "\x83\xca"} {
		if rest, ok := strings.CutPrefix(unit, micro); ok {
			return "u" + rest
		}
	}
	if unit == "UV" || unit == "uv" {
		return "uV"
	}
	return unit
}

// Unique numbers names that occur more than once the way MNE-Python does: "C3-0", "C3-1".
func Unique(names []string) []string {
	count := map[string]int{}
	for _, n := range names {
		count[n]++
	}
	taken := map[string]bool{}
	for n := range count {
		taken[n] = true
	}
	out := make([]string, len(names))
	next := map[string]int{}
	for i, n := range names {
		out[i] = n
		if count[n] == 1 {
			continue
		}
		for {
			out[i] = n + "-" + strconv.Itoa(next[n])
			next[n]++
			if !taken[out[i]] {
				break
			}
		}
		taken[out[i]] = true
	}
	return out
}

// Text makes a string of bytes that are UTF-8 or, when they cannot be that, Latin-1; it ends at a zero byte.
func Text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return Decode(b)
}

// Decode is Text for zero bytes too.
func Decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// Number reads a decimal number, blanks around it allowed; what strconv takes beyond that (hexadecimal, infinity, NaN,
// underscores) is an error, and so is what no float64 holds.
func Number(s string) (float64, error) {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseFloat(s, 64)
}

// Integer is Number for whole numbers of at most 15 digits.
func Integer(s string) (int64, error) {
	x, err := Number(s)
	if err == nil && (x != math.Trunc(x) || math.Abs(x) > 1e15) {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, err
	}
	return int64(x), nil
}

// Scale gives the straight line from numbers to values that a physical and a digital range describe: n*gain + offset. A range
// of nothing counts as 1, as in MNE-Python.
func Scale(physicalMin, physicalMax, digitalMin, digitalMax float64) (gain, offset float64) {
	physical, digital := physicalMax-physicalMin, digitalMax-digitalMin
	if physical == 0 {
		physical = 1
	}
	if digital == 0 {
		digital = 1
	}
	gain = physical / digital
	return gain, physicalMin - digitalMin*gain
}

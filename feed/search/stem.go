package search

import "strings"

// stem reduces an English word to what its inflections share, by the algorithm of M. F. Porter, "An algorithm for suffix stripping",
// Program 14(3), 1980, with the two departures of its author's own program (-bli, -logi). Words with anything but a to z stay as they are.
func stem(word string) string {
	if len(word) < 3 || len(word) > maxWord {
		return word
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	w := stemmer(append(make([]byte, 0, maxWord+1), word...))

	// Step 1a: plurals.
	switch {
	case w.ends("sses"), w.ends("ies"):
		w = w[:len(w)-2]
	case w.ends("s") && !w.ends("ss"):
		w = w[:len(w)-1]
	}
	// Step 1b: -eed, -ed, -ing.
	if w.ends("eed") {
		if w.measure(3) > 0 {
			w = w[:len(w)-1]
		}
	} else if cut := map[bool]int{w.ends("ed"): 2, w.ends("ing"): 3}[true]; cut > 0 && w.hasVowel(cut) {
		w = w[:len(w)-cut]
		switch last := len(w) - 1; {
		case w.ends("at"), w.ends("bl"), w.ends("iz"):
			w = append(w, 'e')
		case last > 0 && w[last] == w[last-1] && !w.vowel(last) && !strings.ContainsRune("lsz", rune(w[last])):
			w = w[:last]
		case w.measure(0) == 1 && w.short(0):
			w = append(w, 'e')
		}
	}
	// Step 1c: terminal y.
	if w.ends("y") && w.hasVowel(1) {
		w[len(w)-1] = 'i'
	}
	w = w.replace(0, step2)
	w = w.replace(0, step3)
	// Step 4: suffixes dropped from long stems.
	for _, suffix := range step4 {
		if w.ends(suffix) {
			at := len(w) - len(suffix)
			if w.measure(len(suffix)) > 1 && (suffix != "ion" || at > 0 && (w[at-1] == 's' || w[at-1] == 't')) {
				w = w[:at]
			}
			break
		}
	}
	// Step 5: final e and double l.
	if w.ends("e") {
		if m := w.measure(1); m > 1 || m == 1 && !w.short(1) {
			w = w[:len(w)-1]
		}
	}
	if w.ends("ll") && w.measure(0) > 1 {
		w = w[:len(w)-1]
	}
	return string(w)
}

// Suffixes and what takes their place; of those that fit only the first counts, so longer ones stand first.
var (
	step2 = [][2]string{{"ational", "ate"}, {"ization", "ize"}, {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"tional", "tion"}, {"biliti", "ble"},
		{"entli", "ent"}, {"ousli", "ous"}, {"ation", "ate"}, {"alism", "al"}, {"aliti", "al"}, {"iviti", "ive"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
		{"alli", "al"}, {"ator", "ate"}, {"logi", "log"}, {"bli", "ble"}, {"eli", "e"}}
	step3 = [][2]string{{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ness", ""}, {"ful", ""}}
	step4 = []string{"ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ion", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic", "ou"}
)

type stemmer []byte

func (w stemmer) ends(suffix string) bool {
	return len(w) >= len(suffix) && string(w[len(w)-len(suffix):]) == suffix
}

func (w stemmer) vowel(i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	case 'y':
		return i > 0 && !w.vowel(i-1)
	}
	return false
}

func (w stemmer) hasVowel(without int) bool {
	for i := range len(w) - without {
		if w.vowel(i) {
			return true
		}
	}
	return false
}

// measure counts the changes from vowels to consonants in the word without its last bytes.
func (w stemmer) measure(without int) (m int) {
	before := false
	for i := range len(w) - without {
		v := w.vowel(i)
		if before && !v {
			m++
		}
		before = v
	}
	return m
}

// short reports whether the word without its last bytes ends consonant, vowel, consonant, the last not being w, x or y.
func (w stemmer) short(without int) bool {
	i := len(w) - without - 1
	return i >= 2 && !w.vowel(i) && w.vowel(i-1) && !w.vowel(i-2) && w[i] != 'w' && w[i] != 'x' && w[i] != 'y'
}

// replace replaces the first suffix that fits, if the stem before it has a measure above least.
func (w stemmer) replace(least int, table [][2]string) stemmer {
	for _, row := range table {
		if w.ends(row[0]) {
			if w.measure(len(row[0])) > least {
				w = append(w[:len(w)-len(row[0])], row[1]...)
			}
			break
		}
	}
	return w
}

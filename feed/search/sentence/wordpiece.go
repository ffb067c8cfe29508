package sentence

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// wordPiece is the tokenizer of BERT: words and punctuation marks, each cut into the longest pieces that the vocabulary has.
// (Devlin et al., "BERT", 2019; Wu et al., "Google's neural machine translation system", 2016.)
type wordPiece struct {
	ids                map[string]int64
	size               int // of the vocabulary
	lower              bool
	cls, sep, pad, unk int64
}

const (
	maxVocabulary = 64 << 20 // bytes
	maxCharacters = 100      // of a word; longer ones are unknown
)

// readVocabulary reads vocab.txt, which has one piece a line; its ID is the number of the line from 0.
func readVocabulary(path string, lower bool) (*wordPiece, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the vocabulary: %w; the folder must hold vocab.txt, the word pieces of the model", err)
	case !info.Mode().IsRegular() || info.Size() > maxVocabulary:
		return nil, fmt.Errorf("reading the vocabulary: %s is no file of at most %d bytes", path, maxVocabulary)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the vocabulary: %w", err)
	}
	w := &wordPiece{ids: map[string]int64{}, lower: lower}
	for line := range strings.Lines(string(data)) {
		w.ids[strings.TrimRight(line, "\r\n")] = int64(w.size) // of a piece that is there twice the last, as other readers take it
		w.size++
	}
	for name, id := range map[string]*int64{"[CLS]": &w.cls, "[SEP]": &w.sep, "[PAD]": &w.pad, "[UNK]": &w.unk} {
		n, known := w.ids[name]
		if !known {
			return nil, fmt.Errorf("the vocabulary %s has no %s, found %d lines; it must be that of a WordPiece tokenizer, as BERT's", path, name, w.size)
		}
		*id = n
	}
	return w, nil
}

// encode returns the IDs of a text's pieces between those of [CLS] and [SEP], at most n in all.
func (w *wordPiece) encode(text string, n int) []int64 {
	out := []int64{w.cls}
	var word []rune
	flush := func() {
		if len(word) > 0 && len(out) < n {
			out = w.pieces(word, out)
		}
		word = word[:0]
	}
	letter := func(r rune) {
		switch {
		case punctuation(r) || ideograph(r):
			flush()
			word = append(word, r)
			flush()
		default:
			word = append(word, r)
		}
	}
	for _, r := range text {
		switch {
		case len(out) >= n:
		case r == 0 || r == unicode.ReplacementChar || r != '\t' && r != '\n' && r != '\r' && unicode.Is(unicode.C, r):
		case unicode.IsSpace(r):
			flush()
		case w.lower:
			// Taking apart and dropping accents works on single characters, since accents are dropped wherever they stand.
			if r < 0x80 {
				letter(unicode.ToLower(r))
				continue
			}
			for _, d := range norm.NFD.String(string(r)) {
				if !unicode.Is(unicode.Mn, d) {
					for _, l := range strings.ToLower(string(d)) {
						letter(l)
					}
				}
			}
		default:
			letter(r)
		}
	}
	flush()
	return append(out[:min(len(out), n-1)], w.sep)
}

// pieces appends the IDs of the pieces of a word: from the left always the longest that there is.
func (w *wordPiece) pieces(word []rune, out []int64) []int64 {
	if len(word) > maxCharacters {
		return append(out, w.unk)
	}
	begin := len(out)
	for from := 0; from < len(word); {
		to := len(word)
		for ; to > from; to-- {
			piece := string(word[from:to])
			if from > 0 {
				piece = "##" + piece
			}
			if id, known := w.ids[piece]; known {
				out = append(out, id)
				break
			}
		}
		if to == from {
			return append(out[:begin], w.unk)
		}
		from = to
	}
	return out
}

func punctuation(r rune) bool {
	if r < 0x80 {
		return r > ' ' && r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0x7f
	}
	return unicode.IsPunct(r)
}

func ideograph(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df || r >= 0x2a700 && r <= 0x2ceaf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f
}

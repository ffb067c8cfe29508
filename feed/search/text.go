package search

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is a word of a text: folded (lower case, without accents), and where it stands in the text as it was given.
type token struct {
	word       string
	start, end int // bytes
}

// maxWord is the length in bytes past which a word is cut: longer ones are addresses and debris.
const maxWord = 40

// tokens splits a text into words: runs of letters and digits, single characters in scripts that put no blanks between words. TeX commands
// and the s of a genitive are no words.
func tokens(text string) iter.Seq[token] {
	return func(yield func(token) bool) {
		var folded []byte // the word so far, where it differs from the text
		start := -1       // of the word; -1 between words
		same := true      // the text from start on is the word
		emit := func(end int) bool {
			word := text[start:end]
			if !same {
				word = string(folded)
			}
			from := start
			start, folded, same = -1, folded[:0], true
			if word == "" {
				return true
			}
			if len(word) > maxWord {
				word = strings.ToValidUTF8(word[:maxWord], "")
			}
			return yield(token{word, from, end})
		}
		for i := 0; i < len(text); {
			c := text[i]
			switch {
			case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
				if start < 0 {
					start = i
				}
				if !same {
					folded = append(folded, c)
				}
				i++
				continue
			case 'A' <= c && c <= 'Z':
				if start < 0 {
					start = i
				}
				if same {
					folded, same = append(folded[:0], text[start:i]...), false
				}
				folded = append(folded, c+'a'-'A')
				i++
				continue
			case c < utf8.RuneSelf:
				if start >= 0 && !emit(i) {
					return
				}
				i++
				switch {
				case c == '\\':
					for i < len(text) && (text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z') {
						i++
					}
				case c == '\'':
					i = skipGenitive(text, i)
				}
				continue
			}
			r, size := utf8.DecodeRuneInString(text[i:])
			switch {
			case alone(r):
				if start >= 0 && !emit(i) || !yield(token{text[i : i+size], i, i + size}) {
					return
				}
			case unicode.IsLetter(r) || unicode.IsNumber(r) || start >= 0 && unicode.Is(unicode.Mn, r):
				if start < 0 {
					start = i
				}
				if same {
					folded, same = append(folded[:0], text[start:i]...), false
				}
				folded = fold(folded, r)
			default:
				if start >= 0 && !emit(i) {
					return
				}
				if r == '’' {
					i = skipGenitive(text, i+size) - size
				}
			}
			i += size
		}
		if start >= 0 {
			emit(len(text))
		}
	}
}

// skipGenitive returns the index after a genitive's s at i, or i.
func skipGenitive(text string, i int) int {
	if i >= len(text) || text[i]|0x20 != 's' {
		return i
	}
	if r, _ := utf8.DecodeRuneInString(text[i+1:]); unicode.IsLetter(r) || unicode.IsNumber(r) {
		return i
	}
	return i + 1
}

// alone tells the characters that are words by themselves.
func alone(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// fold appends a letter or number in lower case, taken apart and without accents.
func fold(to []byte, r rune) []byte {
	switch r {
	case 'ß':
		return append(to, "ss"...)
	case 'ø', 'Ø':
		return append(to, 'o')
	case 'ł', 'Ł':
		return append(to, 'l')
	case 'æ', 'Æ':
		return append(to, "ae"...)
	}
	var buf [utf8.UTFMax]byte
	for _, d := range string(norm.NFKD.Bytes(buf[:utf8.EncodeRune(buf[:], r)])) {
		if unicode.IsLetter(d) || unicode.IsNumber(d) {
			to = utf8.AppendRune(to, unicode.ToLower(d))
		}
	}
	return to
}

// function words carry no meaning that a search could use; a query made of nothing else is searched for all the same.
var functionWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`a about also an and are as at be been being but by can could did do does during each for from had has have how i if in into
		is it its more most no not of on one or our out over s some such than that the their them then there these they this those through to too under
		up us very via was we were what when where whether which while who whose will with within without would you your`) {
		m[w] = true
	}
	return m
}()

package readers

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/feed"
)

// maxName is the length of the longest name of a reader, in characters.
const maxName = 60

// cleanName brings a name into the form it is shown in, and the key by which names that look alike are the same.
func cleanName(name string) (clean, key string, err error) {
	clean = strings.Join(strings.Fields(tidy(name)), " ")
	key = feed.TitleKey(clean)
	switch {
	case key == "":
		return "", "", errors.New("a name needs a letter or a digit")
	case utf8.RuneCountInString(clean) > maxName:
		return "", "", errors.New("a name has at most 60 characters")
	case strings.ContainsAny(clean, "<>@"):
		return "", "", errors.New("a name holds no <, > or @")
	}
	return clean, key, nil
}

// tidy drops what text cannot hold or would turn it around: invalid UTF-8, control characters other than new lines and tabs, and marks of
// direction.
func tidy(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' || r == '\u200b' || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

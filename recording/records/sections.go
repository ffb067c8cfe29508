package records

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// Section is a part of a text file of the kind that Windows programs keep their settings in: a line "[Name]", then lines
// "key=value".
type Section struct {
	Name  string
	Lines []Line // without comments and empty lines
}

// Line is a line of a Section.
type Line struct {
	Number     int    // in the file, from 1
	Key, Value string // trimmed; Key is empty when the line has no "="
}

// maxText is the longest text file that is read whole.
const maxText = 16 << 20

// ReadText reads a whole file as text, in UTF-8 or else Latin-1.
func (f *File) ReadText() (string, error) {
	if f.Size > maxText {
		return "", f.Error(-1, "", fmt.Sprintf("a file of %d bytes", f.Size), fmt.Sprintf("text of at most %d", maxText), "")
	}
	b, err := f.Bytes(0, f.Size, "")
	return Decode(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), err
}

// Sections takes text apart. Lines that begin with ; are comments. What stands before the first section belongs to one
// without a name; free names the sections (in lower case) whose lines are kept as they are, empty ones too, in Value.
func Sections(text string, free ...string) []Section {
	out := []Section{{}}
	scan := bufio.NewScanner(strings.NewReader(text))
	scan.Buffer(nil, maxText+1)
	verbatim := false
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimRight(scan.Text(), "\r")
		t := strings.TrimSpace(line)
		if strings.HasPrefix(t, "[") && strings.HasSuffix(t, "]") {
			name := strings.TrimSpace(t[1 : len(t)-1])
			out = append(out, Section{Name: name})
			verbatim = false
			for _, f := range free {
				verbatim = verbatim || strings.EqualFold(f, name)
			}
			continue
		}
		s := &out[len(out)-1]
		switch key, value, ok := strings.Cut(line, "="); {
		case verbatim:
			s.Lines = append(s.Lines, Line{Number: n, Value: line})
		case t == "" || t[0] == ';':
		case ok:
			s.Lines = append(s.Lines, Line{Number: n, Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
		default:
			s.Lines = append(s.Lines, Line{Number: n, Value: t})
		}
	}
	return out
}

// Find gives the first section of a name, compared without regard to case, or an empty one.
func Find(sections []Section, name string) Section {
	for _, s := range sections {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return Section{Name: name}
}

// Get gives the first line with a key, compared without regard to case, or a line whose Number is 0.
func (s Section) Get(key string) Line {
	for _, l := range s.Lines {
		if strings.EqualFold(l.Key, key) {
			return l
		}
	}
	return Line{}
}

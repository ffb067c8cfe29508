package recording

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a file, where, and what to do about it. Every reader returns it (find it with errors.As);
// fields that do not apply are left empty.
type Error struct {
	Path   string // the file, as the caller named it
	Field  string // the part of the file: a variable, a header field, a column
	Offset int64  // byte offset in the file, or in the inflated bytes when Field says so; negative when not known
	Line   int    // line of a text file, from 1; 0 when not a text file
	Column int    // field within the line, from 1; 0 when the whole line is meant

	Found    string // what the file holds there
	Expected string // what it should hold
	Remedy   string // what the reader of this message can do; may be empty

	Err error // the cause, when another error is
}

// Error is one sentence: path, place, what was found, what was expected; then the remedy.
func (e *Error) Error() string {
	var b strings.Builder
	sep := func(s string) {
		if b.Len() > 0 {
			b.WriteString(s)
		}
	}
	b.WriteString(e.Path)
	switch {
	case e.Line > 0 && e.Column > 0:
		sep(": ")
		fmt.Fprintf(&b, "line %d, column %d", e.Line, e.Column)
		if e.Field != "" {
			fmt.Fprintf(&b, " (%s)", e.Field)
		}
	case e.Line > 0:
		sep(": ")
		fmt.Fprintf(&b, "line %d", e.Line)
		if e.Field != "" {
			fmt.Fprintf(&b, " (%s)", e.Field)
		}
	case e.Field != "" && e.Offset >= 0:
		sep(": ")
		fmt.Fprintf(&b, "%s, at byte %d", e.Field, e.Offset)
	case e.Field != "":
		sep(": ")
		b.WriteString(e.Field)
	case e.Offset >= 0:
		sep(": ")
		fmt.Fprintf(&b, "at byte %d", e.Offset)
	}
	if e.Found != "" {
		sep(": ")
		b.WriteString("found " + e.Found)
	}
	if e.Expected != "" {
		if e.Found != "" {
			b.WriteString(", expected ")
		} else {
			sep(": ")
			b.WriteString("expected ")
		}
		b.WriteString(e.Expected)
	}
	if e.Err != nil {
		sep(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Remedy != "" {
		sep("; ")
		b.WriteString(e.Remedy)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// quoted names a part of a file in an error, or nothing when it has no name.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%q", name)
}

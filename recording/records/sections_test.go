package records

import (
	"reflect"
	"strings"
	"testing"
)

func TestSections(t *testing.T) {
	text := "Title = x\r\n; comment\r\n[One]\r\nkey=value=2\r\n\r\nonly a value\r\n[Comment]\r\n  as it ; is\r\n\r\nk=v\r\n[two]\nA = b"
	want := []Section{{Lines: []Line{{1, "Title", "x"}}}, {"One", []Line{{4, "key", "value=2"}, {6, "", "only a value"}}},
		{"Comment", []Line{{8, "", "  as it ; is"}, {9, "", ""}, {10, "", "k=v"}}}, {"two", []Line{{12, "A", "b"}}}}
	got := Sections(text, "comment")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if l := Find(got, "TWO").Get("a"); l != (Line{12, "A", "b"}) {
		t.Errorf("%+v", l)
	}
	if l := Find(got, "three").Get("a"); l.Number != 0 {
		t.Errorf("%+v", l)
	}
}

func TestReadText(t *testing.T) {
	for in, want := range map[string]string{"\xef\xbb\xbfa": "a", "\xb5V": "µV", "": ""} {
		if got, err := InMemory([]byte(in), "x").ReadText(); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	f := InMemory(nil, "x")
	f.Size = maxText + 1
	if _, err := f.ReadText(); err == nil || !strings.Contains(err.Error(), "text of at most") {
		t.Errorf("%v", err)
	}
}

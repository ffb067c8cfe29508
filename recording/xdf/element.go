package xdf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Element is a part of a header or footer: a name with text, or with further elements.
type Element struct {
	Name     string
	Content  string // without surrounding blanks
	Elements []*Element
}

// Find gives the first element at a path of names below e, or nil. It may be called on nil.
func (e *Element) Find(path ...string) *Element {
	for _, name := range path {
		if e == nil {
			return nil
		}
		var next *Element
		for _, inner := range e.Elements {
			if inner.Name == name {
				next = inner
				break
			}
		}
		e = next
	}
	return e
}

// All gives the elements of a name directly below e, which may be nil.
func (e *Element) All(name string) []*Element {
	if e == nil {
		return nil
	}
	var out []*Element
	for _, inner := range e.Elements {
		if inner.Name == name {
			out = append(out, inner)
		}
	}
	return out
}

// Text is the text of the element at a path below e, or "".
func (e *Element) Text(path ...string) string {
	if e = e.Find(path...); e != nil {
		return e.Content
	}
	return ""
}

// maxElementDepth bounds the nesting of elements.
const maxElementDepth = 64

// parse reads an XML document. What is not an element or text is left out.
func parse(text []byte) (*Element, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // made valid UTF-8 already
	root := &Element{}
	open := []*Element{root}
	texts := []*strings.Builder{{}} // of the open elements
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		last := len(open) - 1
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) > maxElementDepth {
				return nil, fmt.Errorf("elements nested more than %d deep", maxElementDepth)
			}
			e := &Element{Name: t.Name.Local}
			open[last].Elements = append(open[last].Elements, e)
			open, texts = append(open, e), append(texts, &strings.Builder{})
		case xml.EndElement:
			open[last].Content = strings.TrimSpace(texts[last].String())
			open, texts = open[:last], texts[:last]
		case xml.CharData:
			texts[last].Write(t)
		}
	}
	if len(root.Elements) != 1 {
		return nil, fmt.Errorf("%d elements at the top", len(root.Elements))
	}
	return root.Elements[0], nil
}

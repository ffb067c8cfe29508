package gifti

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// MaxInflated is the most bytes that a compressed file, or the data of one array, may inflate to.
const MaxInflated = 4 << 30

// File is what a GIFTI file holds.
type File struct {
	Metadata map[string]string
	Labels   []Label // of arrays of labels: what the numbers stand for
	Arrays   []*DataArray
	Declared int // arrays the file says it has

	path string
}

// Label is the meaning of a number on the vertices.
type Label struct {
	Key   int
	Name  string
	Color [4]float64 // red, green, blue, opacity, 0 to 1
}

// DataArray is one block of numbers.
type DataArray struct {
	Intent     string // what they are, without NIFTI_INTENT_ and in lower case: "pointset", "triangle", "shape", "label" ...
	Metadata   map[string]string
	Transforms []Transform // of a pointset: where else its points can be put
	Data       *recording.Array
}

// Transform takes coordinates from one space to another.
type Transform struct {
	From, To string // without NIFTI_XFORM_ and in lower case: "unknown", "scanner_anat", "aligned_anat", "talairach", "mni_152"
	Matrix   [4][4]float64
}

// Apply gives a point in the space To.
func (t Transform) Apply(p [3]float64) [3]float64 {
	var q [3]float64
	for i := range q {
		m := t.Matrix[i]
		q[i] = m[0]*p[0] + m[1]*p[1] + m[2]*p[2] + m[3]
	}
	return q
}

// Surface is a mesh of triangles.
type Surface struct {
	Points    [][3]float32 // usually millimetres
	Triangles [][3]int32   // indices of points
	Structure string       // "CortexLeft" ...; empty when the file does not tell
	Metadata  map[string]string
	// Transforms of the points, as the file has them. They are not applied.
	Transforms []Transform
}

// Read reads the GIFTI file at path, and the files beside it that it keeps data in.
func Read(path string) (*File, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return read(content, path)
}

// ReadFrom reads a GIFTI file of size bytes through r; name stands for it in errors.
func ReadFrom(r io.ReaderAt, size int64, name string) (*File, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return read(content, name)
}

// Surface gives the mesh of a file: its first array of points and its first of triangles.
func (f *File) Surface() (*Surface, error) {
	points, triangles := f.first("pointset"), f.first("triangle")
	if points == nil || triangles == nil {
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: "arrays of " + strings.Join(f.intents(), ", "), Expected: "a pointset and triangles"}
	}
	s := &Surface{Metadata: points.Metadata, Transforms: points.Transforms, Structure: points.Metadata["AnatomicalStructurePrimary"]}
	for _, a := range []*DataArray{points, triangles} {
		if d := a.Data.Dims; len(d) != 2 || d[1] != 3 {
			return nil, &recording.Error{Path: f.path, Field: a.Intent, Offset: -1, Found: fmt.Sprintf("an array of shape %v", d), Expected: "three values in each row"}
		}
	}
	x, err := points.Data.RowMajor().Float32s()
	if err != nil {
		return nil, f.at(err)
	}
	for i := 0; i < len(x); i += 3 {
		s.Points = append(s.Points, [3]float32(x[i:]))
	}
	corners, err := recording.Values[int32](triangles.Data.RowMajor())
	if err != nil {
		return nil, f.at(err)
	}
	for i, v := range corners {
		if v < 0 || int(v) >= len(s.Points) {
			return nil, &recording.Error{Path: f.path, Field: fmt.Sprintf("triangle %d", i/3), Offset: -1, Found: fmt.Sprintf("a corner at point %d", v),
				Expected: fmt.Sprintf("one of the %d points", len(s.Points))}
		}
	}
	for i := 0; i < len(corners); i += 3 {
		s.Triangles = append(s.Triangles, [3]int32(corners[i:]))
	}
	return s, nil
}

// at puts the path into an error of package recording.
func (f *File) at(err error) error {
	var own *recording.Error
	if errors.As(err, &own) {
		own.Path = f.path
	}
	return err
}

func (f *File) first(intent string) *DataArray {
	for _, a := range f.Arrays {
		if a.Intent == intent {
			return a
		}
	}
	return nil
}

func (f *File) intents() []string {
	var out []string
	for _, a := range f.Arrays {
		out = append(out, a.Intent)
	}
	return out
}

// reader walks the XML.
type reader struct {
	*xml.Decoder
	f    *File
	from *meter
}

// maxToken is the longest element or text that is not the data of an array, whose length its shape tells.
const maxToken = 16 << 20

// next reads a token of at most so many bytes: the decoder would keep a text of any length, and a small compressed file can hold a long one.
func (r *reader) next(most int64) (xml.Token, error) {
	r.from.left = most
	return r.Token()
}

// meter is a reader that gives no more than is left.
type meter struct {
	io.Reader
	left int64
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errors.New("a text that is longer than any should be")
	}
	n, err := m.Reader.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

func read(content *inflate.File, path string) (*File, error) {
	f := &File{path: path, Declared: -1}
	from := &meter{Reader: io.NewSectionReader(content, 0, content.Size)}
	r := &reader{Decoder: xml.NewDecoder(from), f: f, from: from}
	r.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	found := false
	for {
		token, err := r.next(maxToken)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, r.broken("XML that cannot be read", "a GIFTI file", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "GIFTI" || found {
			return nil, r.broken(fmt.Sprintf("an element %q", start.Name.Local), "one element GIFTI", nil)
		}
		found = true
		if n, err := strconv.Atoi(attribute(start, "NumberOfDataArrays")); err == nil {
			f.Declared = n
		}
		if err := r.gifti(); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, r.broken("no element GIFTI", "one", nil)
	}
	return f, nil
}

// gifti reads the inside of the outermost element.
func (r *reader) gifti() error {
	return r.children(func(start xml.StartElement) (err error) {
		switch start.Name.Local {
		case "MetaData":
			r.f.Metadata, err = r.metadata()
		case "LabelTable":
			err = r.labels()
		case "DataArray":
			var a *DataArray
			if a, err = r.array(start); err == nil {
				r.f.Arrays = append(r.f.Arrays, a)
			}
		default:
			err = r.skip()
		}
		return err
	})
}

// children calls f for every element within the one that is open; f must read to its end.
func (r *reader) children(f func(xml.StartElement) error) error {
	for {
		token, err := r.next(maxToken)
		if err != nil {
			return r.broken("XML that cannot be read", "the end of an element", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := f(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

func (r *reader) skip() error {
	for depth := 1; depth > 0; {
		token, err := r.next(maxToken)
		if err != nil {
			return r.broken("XML that cannot be read", "the end of an element", err)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// text reads the text of the open element.
func (r *reader) text(most int64) (string, error) {
	var b strings.Builder
	for {
		token, err := r.next(most)
		if err != nil {
			return "", r.broken("XML that cannot be read", "text", err)
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		case xml.StartElement:
			return "", r.broken(fmt.Sprintf("an element %q", t.Name.Local), "text", nil)
		}
	}
}

func (r *reader) metadata() (map[string]string, error) {
	out := map[string]string{}
	err := r.children(func(xml.StartElement) error { // MD
		var name, value string
		err := r.children(func(start xml.StartElement) error {
			text, err := r.text(maxToken)
			switch start.Name.Local {
			case "Name":
				name = strings.TrimSpace(text)
			case "Value":
				value = strings.TrimSpace(text)
			}
			return err
		})
		if name != "" {
			out[name] = value
		}
		return err
	})
	return out, err
}

func (r *reader) labels() error {
	return r.children(func(start xml.StartElement) error {
		text, err := r.text(maxToken)
		if err != nil {
			return err
		}
		key := attribute(start, "Key")
		if key == "" {
			key = attribute(start, "Index") // as older files call it
		}
		l := Label{Name: strings.TrimSpace(text), Color: [4]float64{0, 0, 0, 1}}
		if l.Key, err = strconv.Atoi(key); err != nil {
			return r.broken(fmt.Sprintf("a label with key %q", key), "a whole number", nil)
		}
		for i, name := range []string{"Red", "Green", "Blue", "Alpha"} {
			if s := attribute(start, name); s != "" {
				if l.Color[i], err = strconv.ParseFloat(s, 64); err != nil {
					return r.broken(fmt.Sprintf("a label with %s %q", name, s), "a number from 0 to 1", nil)
				}
			}
		}
		r.f.Labels = append(r.f.Labels, l)
		return nil
	})
}

func (r *reader) transform() (Transform, error) {
	var t Transform
	err := r.children(func(start xml.StartElement) error {
		text, err := r.text(maxToken)
		if err != nil {
			return err
		}
		switch start.Name.Local {
		case "DataSpace":
			t.From = plain(text, "NIFTI_XFORM_")
		case "TransformedSpace":
			t.To = plain(text, "NIFTI_XFORM_")
		case "MatrixData":
			numbers := strings.Fields(text)
			if len(numbers) != 16 {
				return r.broken(fmt.Sprintf("a transform of %d numbers", len(numbers)), "16", nil)
			}
			for i, s := range numbers {
				if t.Matrix[i/4][i%4], err = strconv.ParseFloat(s, 64); err != nil {
					return r.broken(fmt.Sprintf("%q in a transform", s), "a number", nil)
				}
			}
		}
		return nil
	})
	return t, err
}

// plain is a name without what all of its kind begin with, in lower case.
func plain(s, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), prefix))
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// broken is the error for XML that does not follow the format.
func (r *reader) broken(found, expected string, cause error) error {
	e := &recording.Error{Path: r.f.path, Offset: r.InputOffset(), Found: found, Expected: expected, Err: cause}
	var syntax *xml.SyntaxError
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) || (errors.As(cause, &syntax) && strings.Contains(syntax.Msg, "EOF")) {
		e.Found, e.Err = "the end of the file", nil
		e.Remedy = "the file is truncated: copy it again from its source"
	}
	return e
}

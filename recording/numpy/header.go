package numpy

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

const (
	magic     = "\x93NUMPY"
	maxHeader = 64 << 10 // NumPy itself refuses more than 10000 characters unless told to trust the file
	maxDims   = 64       // NumPy's own limit
)

// header is the decoded header of an NPY.
type header struct {
	version int
	descr   string
	kind    byte // b, i, u, f, c, S, U
	size    int  // of an element in bytes
	bo      binary.ByteOrder
	order   recording.Order
	dims    []int
	count   int
	length  int64 // of magic, version and header
	bytes   int64 // of data
}

func (h header) entry(name string, m *zip.File) Entry {
	return Entry{Name: name, DType: h.descr, Dims: h.dims, Order: h.order, Version: h.version, header: h, member: m}
}

func readHeader(r io.Reader, path, field string) (header, error) {
	var h header
	where := strings.TrimSpace(field + " header")
	var b [12]byte
	if n, err := io.ReadFull(r, b[:8]); err != nil {
		return h, fail(path, where, int64(n), "", `the 8 bytes that begin an NPY`, err)
	}
	if string(b[:6]) != magic {
		return h, fail(path, where, 0, fmt.Sprintf("the bytes % x", b[:6]), `"\x93NUMPY"`, nil)
	}
	h.version = int(b[6])
	size := 2
	switch h.version {
	case 1:
	case 2, 3:
		size = 4
	default:
		return h, fail(path, where, 6, fmt.Sprintf("version %d.%d", b[6], b[7]), "version 1, 2 or 3", nil)
	}
	if n, err := io.ReadFull(r, b[8:8+size]); err != nil {
		return h, fail(path, where, int64(8+n), "", "the length of the header", err)
	}
	length := int64(binary.LittleEndian.Uint16(b[8:]))
	if size == 4 {
		length = int64(binary.LittleEndian.Uint32(b[8:]))
	}
	if length > maxHeader {
		return h, fail(path, where, 8, fmt.Sprintf("a header of %d bytes", length), fmt.Sprintf("at most %d", maxHeader), nil)
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(r, text); err != nil {
		return h, fail(path, where, int64(8+size+n), "", fmt.Sprintf("a header of %d bytes", length), err)
	}
	h.length = int64(8+size) + length
	p := parser{text: string(text)}
	if err := p.dict(&h); err != nil {
		return h, fail(path, where, int64(8+size+p.at), "", "", err)
	}
	if err := h.dtype(); err != nil {
		e := fail(path, where, int64(8+size), "", "", err).(*recording.Error)
		e.Remedy = "in Python, convert it with .astype(float) (or str) and save again"
		return h, e
	}
	var err error
	if h.count, err = recording.Count(h.dims); err == nil {
		var total int
		total, err = recording.Count([]int{h.count, h.size})
		h.bytes = int64(total)
	}
	if err != nil {
		return h, fail(path, where, int64(8+size), "", "", err)
	}
	return h, nil
}

// dtype decodes the element type.
func (h *header) dtype() error {
	d := h.descr
	bad := func(why string) error { return fmt.Errorf("element type %q: %s", d, why) }
	if len(d) < 2 {
		return bad("not a NumPy type")
	}
	h.bo = binary.LittleEndian
	switch d[0] {
	case '>':
		h.bo = binary.BigEndian
	case '<', '|':
	default:
		return bad("found no byte order, expected <, > or |")
	}
	h.kind = d[1]
	size, err := strconv.Atoi(d[2:])
	if err != nil || size < 0 || size > 1<<24 {
		size = 0
	}
	h.size = size
	known := ""
	switch h.kind {
	case 'b':
		known = "1"
	case 'i', 'u':
		known = "1 2 4 8"
	case 'f':
		known = "2 4 8"
	case 'c':
		known = "8 16"
	case 'S', 'a':
		h.kind = 'S'
		if size > 0 {
			return nil
		}
		return bad("text of no length")
	case 'U':
		h.size = 4 * size
		if size > 0 {
			return nil
		}
		return bad("text of no length")
	case 'O':
		return bad("Python objects are pickled, which can run code, and are not read")
	case 'M', 'm':
		return bad("dates and durations are not read")
	case 'V':
		return bad("raw bytes are not read")
	default:
		return bad("not a NumPy type")
	}
	for _, k := range strings.Fields(known) {
		if d[2:] == k {
			return nil
		}
	}
	return bad("not a size that is read: " + known)
}

// parser reads the Python dictionary of an NPY header.
type parser struct {
	text string
	at   int
}

// dict expects {'descr': '...', 'fortran_order': True|False, 'shape': (1, 2)} with the keys in any order.
func (p *parser) dict(h *header) error {
	if err := p.take("{"); err != nil {
		return err
	}
	var seen struct{ descr, order, shape bool }
	for !p.try("}") {
		key, err := p.quoted()
		if err != nil {
			return err
		}
		if err := p.take(":"); err != nil {
			return err
		}
		switch {
		case key == "descr" && !seen.descr:
			seen.descr = true
			if p.peek() == '[' {
				return fmt.Errorf("a structured element type, which is not read: save each of its fields as an array")
			}
			h.descr, err = p.quoted()
		case key == "fortran_order" && !seen.order:
			seen.order = true
			switch {
			case p.try("True"):
				h.order = recording.ColumnMajor
			case p.try("False"):
				h.order = recording.RowMajor
			default:
				err = p.expected("True or False")
			}
		case key == "shape" && !seen.shape:
			seen.shape = true
			h.dims, err = p.shape()
		default:
			err = fmt.Errorf("found the key %q, expected descr, fortran_order and shape once each", key)
		}
		if err != nil {
			return err
		}
		if !p.try(",") {
			if err := p.take("}"); err != nil {
				return err
			}
			break
		}
	}
	if !seen.descr || !seen.order || !seen.shape {
		return fmt.Errorf("found a header that lacks one of descr, fortran_order and shape")
	}
	if p.skip(); p.at != len(p.text) {
		return p.expected("the end of the header")
	}
	return nil
}

func (p *parser) shape() ([]int, error) {
	if err := p.take("("); err != nil {
		return nil, err
	}
	dims := []int{}
	for !p.try(")") {
		p.skip()
		start := p.at
		for p.at < len(p.text) && (p.text[p.at] == '-' || (p.text[p.at] >= '0' && p.text[p.at] <= '9')) {
			p.at++
		}
		n, err := strconv.Atoi(p.text[start:p.at])
		if err != nil || n < 0 {
			p.at = start
			return nil, p.expected("a length of 0 or more")
		}
		p.try("L") // as Python 2 wrote long integers
		if dims = append(dims, n); len(dims) > maxDims {
			return nil, fmt.Errorf("found more than %d axes", maxDims)
		}
		if !p.try(",") {
			if err := p.take(")"); err != nil {
				return nil, err
			}
			break
		}
	}
	return dims, nil
}

func (p *parser) quoted() (string, error) {
	p.skip()
	if p.at < len(p.text) && (p.text[p.at] == '\'' || p.text[p.at] == '"') {
		if end := strings.IndexByte(p.text[p.at+1:], p.text[p.at]); end >= 0 {
			s := p.text[p.at+1 : p.at+1+end]
			p.at += end + 2
			return s, nil
		}
	}
	return "", p.expected("a quoted word")
}

func (p *parser) skip() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	if p.skip(); p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) try(word string) bool {
	p.skip()
	if strings.HasPrefix(p.text[p.at:], word) {
		p.at += len(word)
		return true
	}
	return false
}

func (p *parser) take(word string) error {
	if !p.try(word) {
		return p.expected(strconv.Quote(word))
	}
	return nil
}

func (p *parser) expected(what string) error {
	rest := p.text[p.at:]
	if len(rest) > 20 {
		rest = rest[:20]
	}
	return fmt.Errorf("found %q, expected %s", rest, what)
}

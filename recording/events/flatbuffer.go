package events

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// table is a table of a FlatBuffer: a place in its bytes from which fields are found through a list of offsets. Every offset is
// checked: the code that flatc generates trusts them.
type table struct {
	b      []byte
	at     int // of the table
	fields int // where its list of fields begins
	count  int // of fields it has
}

var errBounds = errors.New("an offset that leads out of the FlatBuffer")

func u16(b []byte, at int) (int, error) {
	if at < 0 || at > len(b)-2 {
		return 0, errBounds
	}
	return int(binary.LittleEndian.Uint16(b[at:])), nil
}

func u32(b []byte, at int) (int, error) {
	if at < 0 || at > len(b)-4 {
		return 0, errBounds
	}
	return int(binary.LittleEndian.Uint32(b[at:])), nil
}

// root gives the outermost table of a FlatBuffer with an identifier. A length before it is skipped.
func root(b []byte, identifier string) (table, error) {
	if len(b) >= 12 && string(b[8:12]) == identifier && string(b[4:8]) != identifier {
		b = b[4:]
	}
	if len(b) < 8 || string(b[4:8]) != identifier {
		return table{}, fmt.Errorf("no FlatBuffer of kind %s", identifier)
	}
	at, err := u32(b, 0)
	if err != nil {
		return table{}, err
	}
	return tableAt(b, at)
}

func tableAt(b []byte, at int) (table, error) {
	back, err := u32(b, at)
	if err != nil {
		return table{}, err
	}
	list := at - int(int32(back))
	size, err := u16(b, list)
	if err != nil {
		return table{}, err
	}
	if size < 4 || list > len(b)-size {
		return table{}, errBounds
	}
	return table{b: b, at: at, fields: list + 4, count: (size - 4) / 2}, nil
}

// field gives the place of a field of size bytes, or ok false where the table leaves it out.
func (t table) field(i, size int) (at int, ok bool, err error) {
	if i >= t.count {
		return 0, false, nil
	}
	offset, err := u16(t.b, t.fields+2*i)
	if err != nil || offset == 0 {
		return 0, false, err
	}
	at = t.at + offset
	if at > len(t.b)-size {
		return 0, false, errBounds
	}
	return at, true, nil
}

func (t table) int8(i int) (int8, error) {
	at, ok, err := t.field(i, 1)
	if !ok {
		return 0, err
	}
	return int8(t.b[at]), nil
}

func (t table) int32(i int) (int32, error) {
	at, ok, err := t.field(i, 4)
	if !ok {
		return 0, err
	}
	return int32(binary.LittleEndian.Uint32(t.b[at:])), nil
}

func (t table) int64(i int, otherwise int64) (int64, error) {
	at, ok, err := t.field(i, 8)
	if !ok {
		return otherwise, err
	}
	return int64(binary.LittleEndian.Uint64(t.b[at:])), nil
}

// vector gives the elements of a vector, width bytes each, and where they begin.
func (t table) vector(i, width int) (elements []byte, begin int, err error) {
	at, ok, err := t.field(i, 4)
	if !ok {
		return nil, 0, err
	}
	offset, err := u32(t.b, at)
	if err != nil {
		return nil, 0, err
	}
	count, err := u32(t.b, at+offset)
	if err != nil {
		return nil, 0, err
	}
	begin = at + offset + 4
	if count > (len(t.b)-begin)/width {
		return nil, 0, fmt.Errorf("%d elements in %d bytes of a FlatBuffer", count, len(t.b)-begin)
	}
	return t.b[begin : begin+count*width], begin, nil
}

func (t table) text(i int) (string, error) {
	b, _, err := t.vector(i, 1)
	return string(b), err
}

func (t table) structs(i, size int) ([]byte, error) {
	b, _, err := t.vector(i, size)
	return b, err
}

func (t table) tables(i int) ([]table, error) {
	b, begin, err := t.vector(i, 4)
	if err != nil {
		return nil, err
	}
	var out []table
	for k := 0; k < len(b); k += 4 {
		offset, err := u32(b, k)
		if err != nil {
			return nil, err
		}
		inner, err := tableAt(t.b, begin+k+offset)
		if err != nil {
			return nil, err
		}
		out = append(out, inner)
	}
	return out, nil
}

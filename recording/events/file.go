package events

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// File is an open recording. Its methods may be called from several goroutines at once.
type File struct {
	Format string // "AEDAT 2.0", "AEDAT 3.1", "AEDAT 4.0" or "N-MNIST"
	Camera string // as the file names it; empty when it does not
	// Width and Height are the size of the sensor in pixels; 0 when the file does not tell.
	Width, Height int
	Start         time.Time // when the recording was made; zero when the file does not tell

	path string
	r    io.ReaderAt
	size int64
	at   int64 // where the data begin
	end  int64 // and end
	read func(*sink) error
	file *os.File // to close; nil when r is the caller's
	dv   *dvHeader
	davi bool // of AEDAT 2.0: the words are those of a DAVIS
}

// sink takes what a reader finds.
type sink struct {
	events  Events
	flush   func(Events) error // nil to keep all
	trigger func(Trigger)      // nil to leave them out
	skipped map[string]int     // other content, by name
}

// blockEvents is how many events Blocks gives at a time, or a few more.
const blockEvents = 1 << 16

func (s *sink) full() error {
	if s.flush == nil || s.events.Len() < blockEvents {
		return nil
	}
	return s.rest()
}

func (s *sink) rest() error {
	if s.flush == nil || s.events.Len() == 0 {
		return nil
	}
	err := s.flush(s.events)
	s.events.clear()
	return err
}

func (s *sink) skip(what string, n int) {
	if s.skipped != nil && n > 0 {
		s.skipped[what] += n
	}
}

func (s *sink) input(t int64, kind string) {
	if s.trigger != nil {
		s.trigger(Trigger{t, kind})
	}
}

// Open opens the recording at path. Close it when done.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: "a recording of an event camera"}
	}
	var f *File
	if err == nil {
		f, err = NewFile(file, info.Size(), path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	f.file = file
	return f, nil
}

// NewFile opens a recording of size bytes read through r; name stands for it in errors. The ending of the name tells files of
// N-MNIST (.bs2, .bin), which have no header.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{path: name, r: r, size: size, end: size}
	head := make([]byte, min(size, int64(len(magic)+len("4.0\r\n"))))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, f.truncated(0, "the beginning of a file", err)
	}
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case bytes.HasPrefix(head, []byte(magic+"2.0")):
		return f, f.header2()
	case bytes.HasPrefix(head, []byte(magic+"3.1")):
		return f, f.header3()
	case bytes.HasPrefix(head, []byte(magic+"4.0")):
		return f, f.header4()
	case bytes.HasPrefix(head, []byte(magic)):
		return nil, f.broken(0, fmt.Sprintf("%q", strings.TrimRight(string(head), "\r\n")), "AEDAT 2.0, 3.1 or 4.0")
	case ext == ".bs2" || ext == ".bin":
		return f, f.headerless()
	}
	return nil, f.broken(0, fmt.Sprintf("the bytes % x", head[:min(8, len(head))]), fmt.Sprintf("%q, which begins an AEDAT", magic))
}

// magic begins every AEDAT from version 2 on.
const magic = "#!AER-DAT"

// Close releases the file. Events already read stay valid.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Read reads all events. Those of several sources in one file are given together, in the order of the file.
func (f *File) Read() (Events, error) {
	var s sink
	if err := f.read(&s); err != nil {
		return Events{}, err
	}
	return s.events, nil
}

// Blocks calls take with the events in pieces, in the order of the file. take must not keep them.
func (f *File) Blocks(take func(Events) error) error {
	s := sink{flush: take}
	if err := f.read(&s); err != nil {
		return err
	}
	return s.rest()
}

// Triggers reads the signals at the camera's external inputs.
func (f *File) Triggers() ([]Trigger, error) {
	var out []Trigger
	s := sink{flush: func(Events) error { return nil }, trigger: func(t Trigger) { out = append(out, t) }}
	if err := f.read(&s); err != nil {
		return nil, err
	}
	return out, nil
}

// broken is the error for bytes that do not follow the format.
func (f *File) broken(offset int64, found, expected string) error {
	return &recording.Error{Path: f.path, Offset: offset, Found: found, Expected: expected}
}

// truncated is the error for bytes that are not there.
func (f *File) truncated(offset int64, expected string, cause error) error {
	e := &recording.Error{Path: f.path, Offset: offset, Found: "the end of the file", Expected: expected,
		Remedy: "the file is truncated: copy it again from its source"}
	if cause != nil && cause != io.EOF {
		e.Err = cause
	}
	return e
}

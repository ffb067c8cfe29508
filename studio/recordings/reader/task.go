package reader

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/report"
)

// Verb is the argument of this program by which it becomes such a process.
const Verb = "read-for-studio"

// Kind is what a process is to do.
type Kind string

// The kinds of tasks.
const (
	Prepare Kind = "prepare" // make what the page of a recording is drawn from, in Dir
	Frames  Kind = "frames"  // give out tiles of its samples, as asked for on the standard input
	Arrive  Kind = "arrive"  // unpack what has arrived in Dir and say what recordings it holds
	Live    Kind = "live"    // play a signal, through a decoder if there is one
)

// Task is what a process is told on the first line of its standard input.
type Task struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path,omitempty"` // of the recording
	Dir  string `json:"dir,omitempty"`  // to write to

	Memory   int64    `json:"memory"`             // that it may take, bytes
	Write    int64    `json:"write,omitempty"`    // size of the largest file it may write, bytes
	Unpacked int64    `json:"unpacked,omitempty"` // of what it may unpack, bytes
	Readable []string `json:"readable,omitempty"` // folders that it may see; nil for all
	Play     *Play    `json:"play,omitempty"`
}

// Message is what a process says.
type Message struct {
	Kind byte
	Body []byte // JSON, unless the kind says otherwise
}

// The kinds of messages.
const (
	Progressed = 'p' // [Progress]
	Opened     = 'h' // [Head]; also in the file HeadFile
	Found      = 'f' // [Arrived]
	TileSent   = 't' // a tile, as package pyramid sends it
	TileFailed = 'x' // a text: why there is no such tile
	Began      = 'b' // [Signal]
	Samples    = 's' // envelopes of the signal; see [Envelope]
	Decided    = 'd' // live.Decision
	Reported   = 'r' // live.Report
	Warned     = 'w' // a text
	Ended      = 'e' // [End]; the last message
)

// Files in the folder of a prepared recording.
const (
	HeadFile  = "head.json"  // [Head]; not there if the file is no signal in time
	SheetFile = "sheet.json" // [report.Sheet]
)

// Progress is how far a process has come.
type Progress struct {
	Stage string `json:"stage"`
	Done  int64  `json:"done"`  // frames that can be read from the pyramid
	Total int64  `json:"total"` // 0 if not known
}

// Head is what a recording is, as the viewer needs it.
type Head struct {
	Rate      float64           `json:"rate"` // 0 if not known
	Frames    int64             `json:"frames"`
	Start     string            `json:"start,omitempty"` // of the first frame, RFC 3339
	Channels  []Channel         `json:"channels"`
	Gaps      []recording.Gap   `json:"gaps,omitempty"`
	Events    []recording.Event `json:"events,omitempty"`
	AllEvents int               `json:"allEvents"` // more than Events holds, if there are very many
}

// Channel is a channel with what is needed to draw it.
type Channel struct {
	Name   string  `json:"name"`
	Type   string  `json:"type,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	Bad    bool    `json:"bad,omitempty"`
	Middle float64 `json:"middle"` // the value to draw it about
	Row    float64 `json:"row"`    // by how much rows are apart: the same for all channels of a type and unit
}

// Arrived is what there is among files that have arrived.
type Arrived struct {
	Recordings []Entry `json:"recordings"`
	Files      int     `json:"files"`
}

// Entry is a file or folder that can be read.
type Entry struct {
	Path   string `json:"path"` // relative, with slashes
	Title  string `json:"title"`
	Signal bool   `json:"signal"` // in time, and not arrays or a picture
}

// TileRequest asks for a tile, on a line of the standard input.
type TileRequest struct {
	Factor int64 `json:"factor"`
	Index  int64 `json:"index"`
	From   int   `json:"from"` // channels from ... to-1
	To     int   `json:"to"`
}

// Play says what to play.
type Play struct {
	Path    string      `json:"path,omitempty"` // a recording
	Speed   float64     `json:"speed,omitempty"`
	LSL     string      `json:"lsl,omitempty"` // a query
	Markers string      `json:"markers,omitempty"`
	Network lsl.Network `json:"network"`
	TCP     string      `json:"tcp,omitempty"` // host:port
	OSC     string      `json:"osc,omitempty"` // host:port to listen on
	OSCPath string      `json:"oscPath,omitempty"`
	Marks   string      `json:"marks,omitempty"` // path of messages that are events
	Number  string      `json:"number,omitempty"`
	Big     bool        `json:"big,omitempty"` // big-endian
	Width   int         `json:"width,omitempty"`
	Rate    float64     `json:"rate,omitempty"`

	Paper    string   `json:"paper,omitempty"` // whose model decides; empty for none
	ModelDir string   `json:"modelDir,omitempty"`
	Backend  string   `json:"backend,omitempty"`
	Step     float64  `json:"step,omitempty"` // s; 0: at events
	Events   []string `json:"events,omitempty"`
	Unit     string   `json:"unit,omitempty"`
}

// Signal is what a played signal is.
type Signal struct {
	Name     string   `json:"name"`
	Rate     float64  `json:"rate"`
	Width    int      `json:"width"`    // channels of the source
	Channels []string `json:"channels"` // that are shown
	Units    []string `json:"units"`
	Bin      float64  `json:"bin"` // duration of a bin of the envelopes, s
	Classes  []string `json:"classes,omitempty"`
	Window   float64  `json:"window,omitempty"` // that a decision rests on, s
	Step     float64  `json:"step,omitempty"`
}

// End is how a process ended.
type End struct {
	Error   string `json:"error,omitempty"`
	Refused bool   `json:"refused,omitempty"` // Error is about the file, or what was asked for, and not a failure of the program
}

// Sheet is a page about a file, as it is kept.
type Sheet = report.Sheet

// maxMessage is the size of the largest message that is taken.
const maxMessage = 64 << 20

// writer writes messages. It is safe for concurrent use.
type writer struct {
	mu     sync.Mutex
	out    io.Writer
	failed error
}

func (w *writer) send(kind byte, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	head := [5]byte{kind}
	binary.LittleEndian.PutUint32(head[1:], uint32(len(body)))
	if _, w.failed = w.out.Write(head[:]); w.failed == nil {
		_, w.failed = w.out.Write(body)
	}
	return w.failed
}

func (w *writer) say(kind byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.send(kind, body)
}

// Receive reads a message.
func Receive(in io.Reader) (Message, error) {
	var head [5]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return Message{}, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxMessage {
		return Message{}, fmt.Errorf("a message of %d bytes", n)
	}
	m := Message{Kind: head[0], Body: make([]byte, n)}
	_, err := io.ReadFull(in, m.Body)
	return m, err
}

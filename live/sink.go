package live

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// maxUnsent is how many decisions wait for a receiver that does not keep up.
const maxUnsent = 256

// mailbox is a bounded queue of decisions between the loop and one receiver.
type mailbox struct {
	mail chan Decision
	lost atomic.Int64
}

func newMailbox() *mailbox { return &mailbox{mail: make(chan Decision, maxUnsent)} }

// put queues a decision without waiting; the oldest makes room for it. It is for one goroutine.
func (m *mailbox) put(d Decision) {
	for {
		select {
		case m.mail <- d:
			return
		default:
		}
		select {
		case <-m.mail:
			m.lost.Add(1)
		default:
		}
	}
}

// Text writes a line a decision.
type Text struct {
	*mailbox
	writing sync.WaitGroup
	failed  error
}

// NewText returns a sink that writes decisions to w, as JSON or for people to read. A terminal that is stopped does not stop the loop.
func NewText(w io.Writer, asJSON bool) *Text {
	t := &Text{mailbox: newMailbox()}
	t.writing.Go(func() {
		for d := range t.mail {
			if t.failed != nil {
				continue
			}
			if asJSON {
				t.failed = json.NewEncoder(w).Encode(d)
				continue
			}
			why := ""
			if d.Event != "" {
				why = fmt.Sprintf("  after %q", d.Event)
			}
			_, t.failed = fmt.Fprintf(w, "%10.3f s  %-12s p = %.3f  %6.2f ms%s\n", d.Time, d.Name, d.Probability[d.Class], 1e3*d.Latency, why)
		}
	})
	return t
}

// Send implements [Sink].
func (t *Text) Send(d Decision) { t.put(d) }

// Lost implements [Sink].
func (t *Text) Lost() int64 { return t.lost.Load() }

// Close writes what is left and tells whether all was written.
func (t *Text) Close() error {
	close(t.mail)
	t.writing.Wait()
	return t.failed
}

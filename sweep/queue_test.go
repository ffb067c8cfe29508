package sweep

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// testQueue is a server that belongs to no sweep, as in a cluster.
type testQueue struct {
	server *server.Server
	conn   Connection
}

func newTestQueue(t *testing.T) *testQueue {
	t.Helper()
	s, c, err := embed(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return &testQueue{s, c}
}

func (q *testQueue) dial(t *testing.T) *queue {
	t.Helper()
	c, err := dial(q.conn, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.conn.Close)
	return c
}

// await waits for something to become true.
func await(t *testing.T, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("waited for 30 s in vain")
		}
	}
}

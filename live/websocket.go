package live

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// WebSocket serves decisions to browsers and other programs: every message is one decision as JSON.
type WebSocket struct {
	server   *http.Server
	listener net.Listener
	token    string
	serving  sync.WaitGroup
	stop     context.CancelFunc

	mu      sync.Mutex
	clients map[*mailbox]struct{}
	lost    int64 // by clients that left
}

// maxClients is how many clients are served at once.
const maxClients = 64

// ListenWebSocket serves decisions at ws://address/decisions. On an address beyond this machine every client must know a token, which
// is drawn and part of URL.
func ListenWebSocket(address string) (*WebSocket, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &WebSocket{listener: l, clients: map[*mailbox]struct{}{}, stop: cancel}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		w.token = rand.Text()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /decisions", w.serve)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	w.serving.Go(func() { w.server.Serve(l) }) // it ends when Close ends it
	return w, nil
}

// URL is where the decisions are.
func (w *WebSocket) URL() string {
	u := fmt.Sprintf("ws://%s/decisions", w.listener.Addr())
	if w.token != "" {
		u += "?token=" + w.token
	}
	return u
}

// admitted reports whether a request may listen. On this machine its Host must be of this machine too: a page of another site whose name
// was made to point here is sent away.
func (w *WebSocket) admitted(r *http.Request) bool {
	if w.token != "" {
		given := r.URL.Query().Get("token")
		if given == "" {
			given = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		}
		return subtle.ConstantTimeCompare([]byte(given), []byte(w.token)) == 1
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (w *WebSocket) serve(rw http.ResponseWriter, r *http.Request) {
	if !w.admitted(r) {
		http.Error(rw, "the token is missing or wrong", http.StatusForbidden)
		return
	}
	m := newMailbox()
	w.mu.Lock()
	full := len(w.clients) >= maxClients
	if !full {
		w.clients[m] = struct{}{}
	}
	w.mu.Unlock()
	if full {
		http.Error(rw, "too many clients", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		w.mu.Lock()
		delete(w.clients, m)
		w.lost += m.lost.Load()
		w.mu.Unlock()
	}()
	c, err := websocket.Accept(rw, r, nil) // pages of other origins are refused
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := c.CloseRead(r.Context()) // clients only listen
	for {
		select {
		case <-ctx.Done():
			c.Close(websocket.StatusGoingAway, "the decoder has ended")
			return
		case d := <-m.mail:
			text, err := json.Marshal(d)
			if err != nil {
				return
			}
			writing, cancel := context.WithTimeout(ctx, 30*time.Second)
			err = c.Write(writing, websocket.MessageText, text)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// Clients is how many clients listen.
func (w *WebSocket) Clients() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.clients)
}

// Send implements [Sink].
func (w *WebSocket) Send(d Decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for m := range w.clients {
		m.put(d)
	}
}

// Lost implements [Sink].
func (w *WebSocket) Lost() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.lost
	for m := range w.clients {
		n += m.lost.Load()
	}
	return n
}

// Close implements [Sink].
func (w *WebSocket) Close() error {
	w.stop()
	err := w.server.Close()
	w.serving.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

package sweep

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embed starts a server of the sweep's own, with its store in a folder. Processes of this machine reach it through the loopback interface
// with the token that the connection holds; there is no other way in.
func embed(store string) (*server.Server, Connection, error) {
	var secret [24]byte
	rand.Read(secret[:])
	token := hex.EncodeToString(secret[:])
	s, err := server.NewServer(&server.Options{ServerName: "gyrus-sweep", Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: token,
		NoLog: true, NoSigs: true, JetStream: true, StoreDir: store, MaxPayload: 8 << 20,
		// The store loses nothing when a process ends; this is for power cuts.
		SyncInterval: 5 * time.Second})
	if err != nil {
		return nil, Connection{}, fmt.Errorf("starting the sweep's queue: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(20*time.Second) || !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, Connection{}, fmt.Errorf("the sweep's queue did not start with its store in %s", store)
	}
	return s, Connection{URL: s.ClientURL(), Token: token}, nil
}

// embedAnyhow starts the server, without what its store held if that is beyond repair: the plan and the outcomes are kept elsewhere.
func embedAnyhow(store string, say func(string)) (*server.Server, Connection, error) {
	s, c, err := embed(store)
	if _, serr := os.Stat(store); err == nil || errors.Is(serr, os.ErrNotExist) {
		return s, c, err
	}
	aside := filepath.Join(filepath.Dir(store), "queue-damaged-"+time.Now().Format("20060102-150405"))
	if rerr := os.Rename(store, aside); rerr != nil {
		return nil, Connection{}, errors.Join(err, rerr)
	}
	say(fmt.Sprintf("%v; its store was moved to %s, and the queue begins anew: jobs whose outcome had not been written down are done again", err, aside))
	return embed(store)
}

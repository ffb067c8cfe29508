package recordings

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

//go:embed all:templates
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Config bounds what recordings may take. A zero takes the default.
type Config struct {
	// Reader is the command line of a process that ends up in [reader.Work]; empty: this program with [reader.Verb].
	Reader []string

	Memory   int64         // that reading one recording may take, bytes; default 2 GiB
	Patience time.Duration // with a recording, besides a second for each 4 MB of it; default 1 minute
	Cache    int64         // of what was prepared from recordings, bytes; default 8 GiB
	Upload   int64         // size of one upload, unpacked, bytes; default 2 GiB
	Kept     int64         // size of all uploads together, bytes; default 20 GiB

	// Unwatched is how long a live session goes on while nobody watches it; default 2 minutes.
	Unwatched time.Duration
	// Network is where streams of the Lab Streaming Layer are looked for; zero: lsl.Site.
	Network lsl.Network
}

// Section is the pages of recordings and live decoding. It is safe for concurrent use.
type Section struct {
	server   *studio.Server
	config   Config
	pages    *studio.Templates
	uploads  studio.DataFolder
	limits   struct{ arrivals, files, sessions *studio.Limit }
	shelf    *shelf
	sessions *sessions
	ctx      context.Context // ends with the server
	stop     context.CancelFunc
	work     sync.WaitGroup
}

// New returns the section of a server. It keeps what it prepares in a folder of its own in the server's.
func New(s *studio.Server, c Config) (*Section, error) {
	if len(c.Reader) == 0 {
		program, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding this program, which reads recordings in a process of its own: %w", err)
		}
		c.Reader = []string{program, reader.Verb}
	}
	c.Memory = cmp.Or(c.Memory, 2<<30)
	c.Patience = cmp.Or(c.Patience, time.Minute)
	c.Cache = cmp.Or(c.Cache, 8<<30)
	c.Upload = cmp.Or(c.Upload, 2<<30)
	c.Kept = cmp.Or(c.Kept, 20<<30)
	c.Unwatched = cmp.Or(c.Unwatched, 2*time.Minute)
	if c.Network.Ports == 0 && c.Network.DiscoveryPort == 0 && len(c.Network.Peers) == 0 {
		c.Network = lsl.Site()
	}
	dir, err := s.StateDir("recordings")
	if err != nil {
		return nil, fmt.Errorf("making the folder of prepared recordings: %w", err)
	}
	x := &Section{server: s, config: c, pages: s.Templates(templateFiles, "templates/*.html"), uploads: s.Data().Folders()[0]}
	x.ctx, x.stop = context.WithCancel(context.Background())
	x.limits.arrivals = s.NewLimit(studio.Rate{Times: 60, In: 10 * time.Minute})
	x.limits.files = s.NewLimit(studio.Rate{Times: 6000, In: 10 * time.Minute})
	x.limits.sessions = s.NewLimit(studio.Rate{Times: 30, In: 10 * time.Minute})
	if x.shelf, err = newShelf(x, filepath.Join(dir, "cache")); err != nil {
		return nil, err
	}
	x.sessions = newSessions(x)
	x.forgetArriving()
	return x, nil
}

// Name implements [studio.Section].
func (x *Section) Name() string { return "recordings" }

// Nav implements [studio.Section].
func (x *Section) Nav() []studio.NavItem {
	return []studio.NavItem{{Label: "Recordings", Href: "/recordings", Order: 50}, {Label: "Live", Href: "/live", Order: 55}}
}

// Assets implements [studio.Assets].
func (x *Section) Assets() fs.FS {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// Routes implements [studio.Section]. All of them show data, which only the operator may see.
func (x *Section) Routes(m *studio.Mux) {
	m.Get("GET /recordings", x.library, studio.Operator)
	m.Get("GET /recordings/open", x.openRecording, studio.Operator)
	m.Post("POST /recordings", x.receiveForm, studio.Operator, studio.Upload(x.config.Upload), studio.Limited(x.limits.arrivals))
	m.Post("POST /arrivals", x.beginArrival, studio.Operator, studio.Limited(x.limits.arrivals))
	m.Post("POST /arrivals/{arrival}", x.receiveFile, studio.Operator, studio.Upload(x.config.Upload), studio.Limited(x.limits.files))
	m.Post("POST /arrivals/{arrival}/end", x.endArrival, studio.Operator)

	m.Get("GET /recordings/{id}", x.page, studio.Operator)
	m.Get("GET /recordings/{id}/head", x.head, studio.Operator)
	m.Get("GET /recordings/{id}/sheet", x.sheet, studio.Operator)
	m.Get("GET /recordings/{id}/progress", x.progress, studio.Operator, studio.Live)
	m.Get("GET /recordings/{id}/tiles/{factor}/{index}", x.tile, studio.Operator)
	m.Post("POST /recordings/{id}/again", x.again, studio.Operator, studio.Limited(x.limits.arrivals))
	m.Post("POST /recordings/{id}/apply", x.apply, studio.Operator, studio.Limited(x.limits.sessions))
	m.Get("GET /recordings/{id}/delete", x.askDelete, studio.Operator)
	m.Post("POST /recordings/{id}/delete", x.delete, studio.Operator)

	m.Get("GET /live", x.livePage, studio.Operator)
	m.Post("POST /live", x.startSession, studio.Operator, studio.Limited(x.limits.sessions))
	m.Get("GET /live/{session}", x.sessionPage, studio.Operator)
	m.Get("GET /live/{session}/stream", x.watch, studio.Operator, studio.Live)
	m.Post("POST /live/{session}/stop", x.stopSession, studio.Operator)
}

// Close implements [studio.Closer]: it ends the processes.
func (x *Section) Close() error {
	x.stop()
	x.work.Wait()
	return errors.Join(x.shelf.close())
}

// readable lists the folders that a process may see to read a file: those of one upload, or a data folder.
func (x *Section) readable(path string) []string {
	for i, f := range x.server.Data().Folders() {
		rel, err := filepath.Rel(f.Path, path)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		if first, _, more := cutPath(rel); i == 0 && more {
			return []string{filepath.Join(f.Path, first)}
		}
		return []string{f.Path}
	}
	return []string{filepath.Dir(path)}
}

// cutPath parts a path behind its first folder.
func cutPath(path string) (first, rest string, more bool) {
	for i := range len(path) {
		if os.IsPathSeparator(path[i]) {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", false
}

// deadline is how long a process may take for so many bytes.
func (x *Section) deadline(bytes int64) time.Duration {
	return x.config.Patience + time.Duration(bytes/(4<<20))*time.Second
}

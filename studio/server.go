package studio

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
	"github.com/gyrus-dev/gyrus/studio/watch"
)

// DefaultAddress is where a server listens unless it is told otherwise.
const DefaultAddress = "127.0.0.1:7433"

// Config is what a server needs to know.
type Config struct {
	Home        string   // where runs, the queue and uploads are kept; empty: runner.DefaultHome
	DataFolders []string // what a run started from the web may read, besides uploads
	Address     string   // host:port to listen on; empty: DefaultAddress
	Token       string   // shown once by a browser to be let in; at least 16 characters
	Public      bool     // with a token: pages can be read without it
	Certificate string   // TLS: paths of the certificate chain and the key, in PEM
	Key         string
	Hosts       []string // further names the server is called by, beside the address it listens on and those in the certificate

	Papers   []*papers.Paper // empty: papers.All()
	Parallel int             // runs at once; 0: one
	// Worker is the command line of a process that ends up in [jobs.Work]; empty: this program with the arguments "serve", "--worker".
	Worker []string

	Limits Limits
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: none
}

// Server is the frame that all pages share. It is safe for concurrent use once its sections are added.
type Server struct {
	config   Config
	home     string // absolute
	state    string // the server's own folder in home
	key      []byte // signs cookies and links
	policy   policy
	data     *DataFolders
	limiter  *limiters
	sections []Section
	assets   *assets
	nav      []NavItem
	search   string // action of the search form in the head of every page; empty if no section has one
	identify []func(*http.Request) *Reader
	panels   []func(*http.Request, *papers.Paper) (*Panel, error)
	core     *Templates

	ledger    *ledger.Ledger
	history   *historyReader
	documents documents
	reports   reportPages
	queue     *jobs.Queue
	hub       *watch.Hub

	once    sync.Once
	handler http.Handler
	setup   error
}

// NavItem is a link in the head of every page.
type NavItem struct {
	Label string
	Href  string // also the prefix of the pages at which the link is marked as the current one
	Order int    // smaller stands further left; papers have 20, runs 30, the board 40
}

// Section is a part of the studio: some pages that belong together.
type Section interface {
	// Name is the section's key, lower-case letters: its assets are served as {{asset "name/file"}}.
	Name() string
	Nav() []NavItem
	Routes(m *Mux)
}

// A Section may also have these.
type (
	// Assets holds files to serve with the section's pages: style sheets, JavaScript modules, pictures. Modules of all sections are
	// below one folder, so that one imports another by a relative path: "../core/dom.js".
	Assets interface{ Assets() fs.FS }
	// Searcher names the page that a search from the head of any page goes to, by GET with q.
	Searcher interface{ SearchAction() string }
	// Identifier finds out which reader a request comes from; nil if from none it knows.
	Identifier interface {
		Identify(r *http.Request) *Reader
	}
	// PaperPaneler adds a panel, such as the abstract or a discussion, to the page of a paper; nil for none.
	PaperPaneler interface {
		PaperPanel(r *http.Request, p *papers.Paper) (*Panel, error)
	}
	// Closer is told when the server stops.
	Closer interface{ Close() error }
)

// Reader is somebody who has signed in.
type Reader struct {
	ID   string
	Name string
}

// New returns a server with the pages of papers, runs and comparisons. It creates its folder in the home folder, and refuses a
// configuration that would let strangers in.
func New(c Config) (*Server, error) {
	if c.Home == "" {
		home, err := runner.DefaultHome()
		if err != nil {
			return nil, err
		}
		c.Home = home
	}
	home, err := filepath.Abs(c.Home)
	if err != nil {
		return nil, err
	}
	c.Address = cmp.Or(c.Address, DefaultAddress)
	c.Parallel = max(1, c.Parallel)
	c.Limits = c.Limits.orDefault()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Papers == nil {
		c.Papers = papers.All()
	}
	s := &Server{config: c, home: home, state: filepath.Join(home, "studio"), limiter: newLimiters(c.Limits, c.Now)}
	if s.policy, err = newPolicy(&c); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.state, 0o700); err != nil {
		return nil, fmt.Errorf("making the studio's folder: %w (set GYRUS_HOME to a folder that can be written)", err)
	}
	if s.key, err = loadKey(filepath.Join(s.state, "key")); err != nil {
		return nil, err
	}
	if s.data, err = newDataFolders(c.DataFolders, filepath.Join(s.state, "uploads")); err != nil {
		return nil, err
	}
	s.core = s.Templates(coreTemplates, "templates/*.html")
	s.nav = []NavItem{{"Systems", "/papers", 20}, {"Runs", "/runs", 30}, {"Board", "/board", 40}}
	s.history = &historyReader{home: home}
	if s.ledger, err = ledger.Published(); err != nil {
		return nil, err
	}
	if len(c.Worker) == 0 {
		program, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding this program, which carries runs out: %w", err)
		}
		c.Worker = []string{program, "serve", "--worker"}
	}
	readable := []string{}
	for _, f := range s.data.folders {
		readable = append(readable, f.Path)
	}
	s.queue, err = jobs.Open(jobs.Options{Home: home, Dir: filepath.Join(s.state, "jobs"), Parallel: c.Parallel, Worker: c.Worker, Readable: readable, Now: c.Now, Log: c.Log})
	if err != nil {
		return nil, err
	}
	s.hub = watch.NewHub()
	return s, nil
}

// Add adds a section. All sections must be added before the first request.
func (s *Server) Add(section Section) error {
	if slices.ContainsFunc(s.sections, func(o Section) bool { return o.Name() == section.Name() }) || section.Name() == coreName {
		return fmt.Errorf("studio: two sections are called %q", section.Name())
	}
	s.sections = append(s.sections, section)
	s.nav = append(s.nav, section.Nav()...)
	slices.SortStableFunc(s.nav, func(a, b NavItem) int { return a.Order - b.Order })
	if x, ok := section.(Searcher); ok {
		s.search = x.SearchAction()
	}
	if x, ok := section.(Identifier); ok {
		s.identify = append(s.identify, x.Identify)
	}
	if x, ok := section.(PaperPaneler); ok {
		s.panels = append(s.panels, x.PaperPanel)
	}
	return nil
}

// Handler returns the handler of all pages.
func (s *Server) Handler() http.Handler {
	s.once.Do(func() { s.handler, s.setup = s.build() })
	if s.setup != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "The server is set up wrongly; its log says how.", http.StatusInternalServerError)
		})
	}
	return s.handler
}

func (s *Server) build() (http.Handler, error) {
	var err error
	if s.assets, err = gatherAssets(s.sections); err != nil {
		s.config.Log.Error("gathering assets", "error", err)
		return nil, err
	}
	m := newMux(s)
	s.coreRoutes(m)
	for _, section := range s.sections {
		section.Routes(m)
	}
	if !m.has("GET /{$}") {
		m.Get("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
			http.Redirect(w, r, "/papers", http.StatusSeeOther)
			return nil
		})
	}
	return s.wrap(m), nil
}

// Close ends what the server does in the background. Runs that are under way are stopped; they can be resumed.
func (s *Server) Close() error {
	errs := []error{s.hub.Close(), s.queue.Close()}
	for _, section := range s.sections {
		if c, ok := section.(Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Home is the folder of runs, models and data.
func (s *Server) Home() string { return s.home }

// StateDir returns a folder of a section's own in the home folder, and creates it.
func (s *Server) StateDir(section string) (string, error) {
	dir := filepath.Join(s.state, section)
	return dir, os.MkdirAll(dir, 0o700)
}

// Data is what a run started from the web may read.
func (s *Server) Data() *DataFolders { return s.data }

// Papers are the papers the server shows.
func (s *Server) Papers() []*papers.Paper { return s.config.Papers }

// Paper returns the paper with that slug.
func (s *Server) Paper(slug string) (*papers.Paper, bool) {
	i := slices.IndexFunc(s.config.Papers, func(p *papers.Paper) bool { return p.Slug == slug })
	if i < 0 {
		return nil, false
	}
	return s.config.Papers[i], true
}

// Now is the time, as Config has it.
func (s *Server) Now() time.Time { return s.config.Now() }

// Log is the server's log. Nothing secret may go there: no token, no cookie, no address of a reader, no query.
func (s *Server) Log() *slog.Logger { return s.config.Log }

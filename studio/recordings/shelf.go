package recordings

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// shelf holds the recordings that were opened, with what has been prepared from them.
type shelf struct {
	section *Section
	dir     string
	slots   chan struct{} // for processes that prepare

	mu     sync.Mutex
	opened map[string]*opened
}

// preparers is how many recordings are prepared at once, and tilers how many give out samples.
const (
	preparers = 2
	tilers    = 4
)

// opened is a recording, as it was when it was opened: another file under its name is another one.
type opened struct {
	shelf *shelf
	about about
	path  string
	dir   string
	size  int64

	keeping sync.Mutex // while about is being written

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	state    state
	progress reader.Progress
	head     *reader.Head
	levels   *pyramid.Pyramid
	problem  *problem

	samples tiler
}

type state string

// How a recording stands.
const (
	waiting state = "waiting"
	reading state = "reading"
	ready   state = "ready"
	failed  state = "failed"
)

// about is what is kept about a recording.
type about struct {
	ID      string    `json:"id"`
	Ref     string    `json:"ref"`
	Used    time.Time `json:"used"`
	Done    bool      `json:"done"`
	Problem *problem  `json:"problem,omitempty"`
	Jobs    []string  `json:"jobs,omitempty"` // applications of models to it, the newest last

	// For lists.
	Channels int     `json:"channels,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Rate     float64 `json:"rate,omitempty"`
}

// problem is why a recording is not shown.
type problem struct {
	Text    string `json:"text"`
	Refused bool   `json:"refused,omitempty"` // the file is at fault
}

const aboutFile = "about.json"

func newShelf(x *Section, dir string) (*shelf, error) {
	s := &shelf{section: x, dir: dir, slots: make(chan struct{}, preparers), opened: map[string]*opened{}}
	return s, os.MkdirAll(dir, 0o700)
}

func (s *shelf) close() error {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.opened))
	s.mu.Unlock()
	var errs []error
	for _, o := range all {
		o.samples.close()
		if o.levels != nil {
			errs = append(errs, o.levels.Close())
		}
	}
	return errors.Join(errs...)
}

// idForm is what IDs look like.
var idForm = regexp.MustCompile(`^[0-9a-f]{20}$`)

// fingerprint makes the ID of a recording: of its reference, and of the sizes and times of its files, so that it changes with them.
func fingerprint(ref, full string) (id string, size int64, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", ref)
	add := func(name string, info fs.FileInfo) {
		size += info.Size()
		fmt.Fprintf(h, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	info, err := os.Stat(full)
	if err != nil {
		return "", 0, err
	}
	if info.IsDir() {
		err = filepath.WalkDir(full, func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := os.Stat(p) // the file a link leads to
			if err == nil {
				add(p, info)
			}
			return nil
		})
	} else { // and the parts of it beside it
		name := filepath.Base(full)
		stem, _, _ := strings.Cut(name, ".")
		entries, problem := os.ReadDir(filepath.Dir(full))
		err = problem
		for _, e := range entries {
			if e.Name() != name && !strings.HasPrefix(e.Name(), stem+".") || e.IsDir() {
				continue
			}
			if info, err := os.Stat(filepath.Join(filepath.Dir(full), e.Name())); err == nil && info.Mode().IsRegular() {
				add(e.Name(), info)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), size, err
}

// open opens the recording that a reference names, and begins to prepare it if that has not been done.
func (s *shelf) open(ref string) (*opened, error) {
	full, err := s.section.server.Data().Resolve(ref)
	if err != nil {
		return nil, err
	}
	ref = path.Clean(ref)
	id, size, err := fingerprint(ref, full)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.opened[id]; o != nil {
		o.touch()
		return o, nil
	}
	o := &opened{shelf: s, path: full, dir: filepath.Join(s.dir, id), size: size, changed: make(chan struct{}), state: waiting,
		about: about{ID: id, Ref: ref}}
	o.samples.of = o
	if old, err := readAbout(o.dir); err == nil {
		o.about = *old
	}
	if o.about.Done && o.load() == nil {
		o.state, o.problem = ready, o.about.Problem
		if o.problem != nil {
			o.state = failed
		}
	} else {
		o.begin()
	}
	s.opened[id] = o
	o.touch()
	return o, nil
}

// get returns an opened recording by its ID, also one that was opened before the server was started.
func (s *shelf) get(id string) (*opened, error) {
	if !idForm.MatchString(id) {
		return nil, fs.ErrNotExist
	}
	s.mu.Lock()
	o := s.opened[id]
	s.mu.Unlock()
	if o != nil {
		return o, nil
	}
	a, err := readAbout(filepath.Join(s.dir, id))
	if err != nil {
		return nil, studio.Refuse(http.StatusNotFound, "This recording is not open any more. Choose it from the list again.")
	}
	o, err = s.open(a.Ref)
	if err != nil {
		return nil, err
	}
	if o.about.ID != id {
		return nil, studio.Refuse(http.StatusGone, "The file %s has changed since this page was made. Choose it from the list again.", a.Ref)
	}
	return o, nil
}

func readAbout(dir string) (*about, error) {
	data, err := os.ReadFile(filepath.Join(dir, aboutFile))
	if err != nil {
		return nil, err
	}
	a := &about{}
	return a, json.Unmarshal(data, a)
}

// keep stores what is known about a recording.
func (o *opened) keep() {
	o.keeping.Lock()
	defer o.keeping.Unlock()
	o.mu.Lock()
	data, err := json.Marshal(o.about)
	o.mu.Unlock()
	file := filepath.Join(o.dir, aboutFile)
	if err == nil {
		err = os.MkdirAll(o.dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(file+".part", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".part", file)
	}
	if err != nil {
		o.shelf.section.server.Log().Error("storing what is known about a recording", "error", err)
	}
}

// touch remembers that a recording is in use, so that it is not among those that make room.
func (o *opened) touch() {
	now := o.shelf.section.server.Now()
	o.mu.Lock()
	stale := now.Sub(o.about.Used) > time.Minute
	if stale {
		o.about.Used = now
	}
	o.mu.Unlock()
	if stale {
		o.keep()
	}
}

// change changes a recording and tells those who wait for that.
func (o *opened) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// view is how a recording stands at a moment.
type view struct {
	State    state
	Progress reader.Progress
	Head     *reader.Head
	Problem  *problem
	About    about
	changed  chan struct{}
}

func (o *opened) view() view {
	o.mu.Lock()
	defer o.mu.Unlock()
	return view{o.state, o.progress, o.head, o.problem, o.about, o.changed}
}

// await waits until a recording is as asked for, or the context ends.
func (o *opened) await(ctx context.Context, is func(view) bool) view {
	for {
		v := o.view()
		if is(v) {
			return v
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return v
		}
	}
}

// Settled reports whether nothing more will come by itself.
func (v view) Settled() bool { return v.State == ready || v.State == failed }

// Name is the file's name.
func (o *opened) Name() string { return path.Base(o.about.Ref) }

// load takes what was prepared before.
func (o *opened) load() error {
	if o.about.Problem != nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(o.dir, reader.HeadFile))
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Join(o.dir, reader.SheetFile))
		return err // no signal in time
	}
	if err != nil {
		return err
	}
	var h reader.Head
	if err := json.Unmarshal(data, &h); err != nil {
		return err
	}
	if o.levels, err = pyramid.Open(o.dir, shapeOf(&h)); err != nil {
		return err
	}
	o.head, o.progress.Done, o.progress.Total = &h, h.Frames, h.Frames
	return nil
}

func shapeOf(h *reader.Head) pyramid.Shape {
	return pyramid.Shape{Channels: len(h.Channels), Frames: h.Frames}
}

// begin has a recording prepared when there is room.
func (o *opened) begin() {
	x := o.shelf.section
	x.work.Go(func() {
		select {
		case o.shelf.slots <- struct{}{}:
		case <-x.ctx.Done():
			return
		}
		defer func() { <-o.shelf.slots }()
		o.change(func() { o.state = reading })
		err := o.prepare()
		if x.ctx.Err() != nil {
			return // the server stops; the next one begins anew
		}
		o.change(func() {
			o.state, o.about.Done = ready, true
			if err != nil {
				o.state, o.problem = failed, problemOf(err, x.deadline(o.size))
				o.about.Problem = o.problem
			}
		})
		var own *reader.Error
		if errors.As(err, &own) && !own.Refused {
			x.server.Log().Error("a recording could not be read", "recording", o.about.Ref, "error", own.Text, "log", own.Log)
		} else if err != nil && own == nil {
			x.server.Log().Error("a recording could not be read", "recording", o.about.Ref, "error", err)
		}
		o.keep()
		o.shelf.makeRoom()
	})
}

// problemOf is what a reader of the page is told.
func problemOf(err error, patience time.Duration) *problem {
	var own *reader.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{Text: fmt.Sprintf("Reading it did not end within %v, and was stopped. The file may be broken in a way that leads its reader in circles.", patience.Round(time.Second))}
	case errors.As(err, &own) && own.Memory:
		return &problem{Text: "Reading it took more memory than this server gives to a recording, and was stopped."}
	case errors.As(err, &own):
		return &problem{Text: sentence(own.Text), Refused: own.Refused}
	}
	return &problem{Text: "It could not be read. The server's log says why."}
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// prepare has a process read the recording.
func (o *opened) prepare() error {
	x := o.shelf.section
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	for _, pattern := range []string{"level-*", "*.json", "*.part"} { // of a server that was stopped
		old, _ := filepath.Glob(filepath.Join(o.dir, pattern))
		for _, f := range old {
			if !strings.HasPrefix(filepath.Base(f), aboutFile) {
				os.Remove(f)
			}
		}
	}
	ctx, cancel := context.WithTimeout(x.ctx, x.deadline(o.size))
	defer cancel()
	p, err := reader.Start(ctx, x.config.Reader, reader.Task{Kind: reader.Prepare, Path: o.path, Dir: o.dir, Memory: x.config.Memory, Write: x.config.Cache / 2, Readable: x.readable(o.path)})
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		m, err := p.Next()
		switch {
		case err == io.EOF:
			o.change(func() {
				if o.head != nil {
					o.progress = reader.Progress{Done: o.head.Frames, Total: o.head.Frames}
				}
			})
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		switch m.Kind {
		case reader.Opened:
			var h reader.Head
			if err := json.Unmarshal(m.Body, &h); err != nil {
				return err
			}
			levels, err := pyramid.Open(o.dir, shapeOf(&h))
			if err != nil {
				return err
			}
			o.change(func() {
				o.head, o.levels = &h, levels
				o.about.Channels, o.about.Rate = len(h.Channels), h.Rate
				if h.Rate > 0 {
					o.about.Seconds = float64(h.Frames) / h.Rate
				}
			})
		case reader.Progressed:
			var g reader.Progress
			if err := json.Unmarshal(m.Body, &g); err != nil {
				return err
			}
			o.change(func() {
				if g.Total == 0 { // a stage after the pyramid
					g.Done, g.Total = o.progress.Done, o.progress.Total
				}
				o.progress = g
			})
		}
	}
}

// recent lists the recordings that were opened, the last used first.
func (s *shelf) recent(most int) []about {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	var all []about
	for _, e := range entries {
		s.mu.Lock()
		o := s.opened[e.Name()]
		s.mu.Unlock()
		if o != nil {
			all = append(all, o.view().About)
		} else if a, err := readAbout(filepath.Join(s.dir, e.Name())); err == nil {
			all = append(all, *a)
		}
	}
	slices.SortFunc(all, func(a, b about) int { return b.Used.Compare(a.Used) })
	var out []about
	seen := map[string]bool{}
	for _, a := range all {
		if len(out) == most {
			break
		}
		if seen[a.Ref] {
			continue
		}
		seen[a.Ref] = true
		if _, err := s.section.server.Data().Resolve(a.Ref); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// makeRoom removes what was prepared from the recordings that were used longest ago, until the rest fits in the cache. What is in use stays.
func (s *shelf) makeRoom() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	type held struct {
		about
		dir   string
		bytes int64
	}
	var all []held
	total := int64(0)
	for _, e := range entries {
		h := held{dir: filepath.Join(s.dir, e.Name())}
		if a, err := readAbout(h.dir); err == nil {
			h.about = *a
		}
		filepath.WalkDir(h.dir, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if info, err := e.Info(); err == nil {
					h.bytes += info.Size()
				}
			}
			return nil
		})
		total += h.bytes
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b held) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.dir, b.dir)) })
	const inUse = 10 * time.Minute
	for _, h := range all {
		if total <= s.section.config.Cache && len(all) <= maxHeld {
			return
		}
		if s.section.server.Now().Sub(h.Used) < inUse && total <= 2*s.section.config.Cache {
			continue
		}
		s.mu.Lock()
		o := s.opened[h.ID]
		if o != nil && !o.view().Settled() {
			s.mu.Unlock()
			continue
		}
		delete(s.opened, h.ID)
		s.mu.Unlock()
		if o != nil {
			o.forget()
		}
		if err := os.RemoveAll(h.dir); err != nil {
			s.section.server.Log().Error("making room in the cache of recordings", "error", err)
			return
		}
		total -= h.bytes
		all = all[:len(all)-1]
	}
}

// maxHeld is how many recordings are remembered.
const maxHeld = 2000

// forget closes what a recording holds open. Whoever still asks for tiles gets an error and opens it anew.
func (o *opened) forget() {
	o.samples.close()
	o.change(func() {
		if o.levels != nil {
			o.levels.Close()
			o.levels = nil
		}
		o.state, o.problem = failed, &problem{Text: "This recording is not open any more. Choose it from the list again."}
	})
}

// drop forgets all that was prepared from a recording.
func (s *shelf) drop(o *opened) error {
	s.mu.Lock()
	delete(s.opened, o.about.ID)
	s.mu.Unlock()
	o.forget()
	return os.RemoveAll(o.dir)
}

package room

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/studio"
)

// Options are what an operator decides about a reading room.
type Options struct {
	Mail     *digest.Settings // nil: no mail is sent, so that nobody can sign in or subscribe
	Embedder search.Embedder  // nil: the one that is learnt from the feed
	// Status returns the statuses of a system's claims, which a search can ask for; nil: none are known.
	Status func(slug string) []string
}

// Open opens the reading room of a feed with all it needs, and begins what goes on behind its pages: the index follows the feed, and mail is
// sent. The feed belongs to the room from now on, also if there is an error: [Section.Close] closes it, which the server does.
func Open(ctx context.Context, s *studio.Server, store *feed.Store, o Options) (*Section, error) {
	c, err := open(ctx, s, store, o)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	r := New(s, c)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { r.followFeed(ctx) })
	if r.Mailer != nil {
		group.Go(func() { r.Mailer.Run(ctx) }) // logs what fails
	}
	r.close = func() error {
		cancel()
		group.Wait()
		return store.Close()
	}
	return r, nil
}

func open(ctx context.Context, s *studio.Server, store *feed.Store, o Options) (c Config, err error) {
	c.Feed = store
	if c.Index, err = search.Open(ctx, store, search.Options{Embedder: o.Embedder, Status: o.Status}); err != nil {
		return c, err
	}
	var people readers.Config
	if o.Mail != nil {
		c.Site = o.Mail.Site
		if c.Mailer, err = digest.Open(ctx, store, digest.Config{Settings: *o.Mail, Find: digest.FindInFeed(store, c.Index.Find), Paths: Paths(), Log: s.Log()}); err != nil {
			return c, err
		}
		people.Letter = c.Mailer.SignIn
	}
	c.Readers, err = readers.Open(ctx, store, people)
	return c, err
}

// Close implements [studio.Closer].
func (s *Section) Close() error {
	if s.close == nil { // of New: what it was given is its caller's
		return nil
	}
	return s.close()
}

// refreshEvery is how often the index is brought up to date.
const refreshEvery = 15 * time.Second

// followFeed keeps the index up to date with the feed until the context ends.
func (s *Section) followFeed(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		if _, err := s.Index.Refresh(ctx); err != nil && ctx.Err() == nil {
			s.server.Log().Error("bringing the index up to date", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

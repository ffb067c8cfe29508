package main

import (
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/room"
)

// addReadingRoom adds the reading room of the home folder's feed to a server, which closes it. It sends mail if there is a file of settings
// for that.
func (a *app) addReadingRoom(cmd *cobra.Command, s *studio.Server, mailSettings string) error {
	o := room.Options{Status: a.statusesNow(cmd)}
	switch settings, err := digest.ReadSettings(mailSettings); {
	case err == nil:
		o.Mail = &settings
	case !errors.Is(err, digest.ErrNoSettings):
		return err
	}
	store, err := a.openFeed(cmd.Context())
	if err != nil {
		return err
	}
	section, err := room.Open(cmd.Context(), s, store, o)
	if err != nil {
		return err
	}
	return s.Add(section)
}

// statusesNow returns a function that tells the statuses of a system's claims, at most a few seconds late: a search asks for all systems.
func (a *app) statusesNow(cmd *cobra.Command) func(slug string) []string {
	var mu sync.Mutex
	var latest verdicts
	var read time.Time
	return func(slug string) (out []string) {
		p, err := papers.Get(slug)
		if err != nil {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if time.Since(read) > 5*time.Second {
			if now, err := a.latestVerdicts(cmd); err == nil { // else what was known still holds
				latest, read = now, time.Now()
			}
		}
		for _, c := range p.Claims {
			out = append(out, string(latest.status(slug, c.ID)))
		}
		return out
	}
}

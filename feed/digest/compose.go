package digest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

// section is the part of a digest that answers one query.
type section struct {
	Subscription
	since  time.Time
	Papers []feed.Paper
	More   bool // than are shown
}

// shown is how many papers of one query a digest shows.
func (e Every) shown() int {
	if e == Weekly {
		return 15
	}
	return 8
}

// Compose puts a digest into the outbox for everybody for whom one is due, and returns how many. All queries that somebody follows in the
// same rhythm are in one letter, and no paper comes twice to the same address. Who would get an empty letter gets none. A query that fails
// is due again at the next call, and the others go on.
func (m *Mailer) Compose(ctx context.Context) (int, error) {
	type due struct {
		recipient int64
		every     Every
	}
	rows, err := m.feed.DB().QueryContext(ctx, `SELECT DISTINCT s.recipient, s.every FROM subscriptions s JOIN recipients r ON r.id = s.recipient
		WHERE s.confirmed IS NOT NULL AND s.due <= ? AND r.suspended IS NULL ORDER BY s.recipient`, m.now())
	if err != nil {
		return 0, err
	}
	var all []due
	for rows.Next() {
		var d due
		if err := rows.Scan(&d.recipient, &d.every); err != nil {
			rows.Close()
			return 0, err
		}
		all = append(all, d)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	n, failures := 0, []error(nil)
	for _, d := range all {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		made, err := m.compose(ctx, d.recipient, d.every)
		if err != nil {
			failures = append(failures, fmt.Errorf("composing the digest of recipient %d: %w", d.recipient, err))
			m.config.Log.Error("composing a digest", "recipient", d.recipient, "error", err)
		}
		if made {
			n++
		}
	}
	const told = 3
	if len(failures) > told {
		failures = append(failures[:told], fmt.Errorf("and %d more", len(failures)-told))
	}
	return n, errors.Join(failures...)
}

// errChanged is the error of a digest that another process has composed, or whose subscription has ended, since it was begun.
var errChanged = errors.New("the subscriptions changed while the digest was composed")

func (m *Mailer) compose(ctx context.Context, recipient int64, every Every) (made bool, err error) {
	now := m.config.Now()
	sections, to, err := m.due(ctx, recipient, every, now)
	if err != nil || len(sections) == 0 {
		return false, err
	}
	papers := 0
	seen, err := m.seen(ctx, recipient)
	if err != nil {
		return false, err
	}
	for i := range sections {
		// Papers that were seen may be among the best, so more are asked for, but not without bound.
		if err := m.fill(ctx, &sections[i], seen, min(len(seen), 200), now); err != nil {
			return false, err
		}
		papers += len(sections[i].Papers)
	}
	var letter Letter
	if papers > 0 {
		if letter, err = m.digestLetter(sections, every, m.link(m.config.Paths.Leave, m.leaveToken(recipient))); err != nil {
			return false, err
		}
	}
	err = m.feed.Update(ctx, func(tx *sql.Tx) error {
		next := every.after(now, m.config.Hour)
		for _, s := range sections {
			result, err := tx.ExecContext(ctx, "UPDATE subscriptions SET due = ?, since = ? WHERE id = ? AND due = ?", next.UnixMilli(), now.UnixMilli(), s.ID, s.Due.UnixMilli())
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				return errChanged
			}
			for _, p := range s.Papers {
				if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO mailed VALUES (?, ?, ?)", recipient, p.ID, now.UnixMilli()); err != nil {
					return err
				}
			}
		}
		if papers == 0 {
			return nil
		}
		made = true
		return m.queue(ctx, tx, envelope{key: fmt.Sprintf("digest %d %s %d", recipient, every, sections[0].Due.UnixMilli()), kind: digestKind, to: to, expires: now.Add(2 * 24 * time.Hour)}, letter)
	})
	if errors.Is(err, errChanged) { // what is still due is found by the next call
		return false, nil
	}
	return made && err == nil, err
}

// due returns what is due to a recipient in a rhythm.
func (m *Mailer) due(ctx context.Context, recipient int64, every Every, now time.Time) (out []section, to readers.Address, err error) {
	rows, err := m.feed.DB().QueryContext(ctx, "SELECT "+subscriptionColumns+`, s.since, r.address FROM subscriptions s JOIN recipients r ON r.id = s.recipient
		WHERE s.recipient = ? AND s.every = ? AND s.confirmed IS NOT NULL AND s.due <= ? ORDER BY s.id`, recipient, every, now.UnixMilli())
	if err != nil {
		return nil, to, err
	}
	defer rows.Close()
	for rows.Next() {
		var since int64
		s, err := scanSubscription(rows, &since, &to)
		if err != nil {
			return nil, to, err
		}
		out = append(out, section{Subscription: s, since: moment(since)})
	}
	return out, to, rows.Err()
}

// seen are the papers that were sent to a recipient.
func (m *Mailer) seen(ctx context.Context, recipient int64) (map[int64]bool, error) {
	var ids string
	if err := m.feed.DB().QueryRowContext(ctx, "SELECT json_group_array(paper) FROM mailed WHERE recipient = ?", recipient).Scan(&ids); err != nil {
		return nil, err
	}
	var all []int64
	if err := json.Unmarshal([]byte(ids), &all); err != nil {
		return nil, err
	}
	out := make(map[int64]bool, len(all))
	for _, id := range all {
		out[id] = true
	}
	return out, nil
}

// fill finds the papers of a section that were listed by now and not seen, among so many more than it shows, and adds them to those seen.
func (m *Mailer) fill(ctx context.Context, s *section, seen map[int64]bool, more int, now time.Time) error {
	n := s.Every.shown()
	found, err := m.config.Find(ctx, s.Query, s.since.Add(-late), n+1+more)
	if err != nil {
		return err
	}
	for _, p := range found {
		if seen[p.ID] || p.Listed.After(now) {
			continue
		}
		if len(s.Papers) == n {
			s.More = true
			break
		}
		s.Papers = append(s.Papers, p)
		seen[p.ID] = true
	}
	return nil
}

// Sample is a digest as it would be sent now, without sending it: what was listed in the last day or week, whoever has seen it.
func (m *Mailer) Sample(ctx context.Context, every Every, queries ...string) (Letter, error) {
	now := m.config.Now()
	if len(queries) == 0 {
		queries = []string{""}
	}
	seen, sections := map[int64]bool{}, make([]section, len(queries))
	papers := 0
	for i, q := range queries {
		q = words(q)
		sections[i] = section{Subscription: Subscription{Query: q, Label: labelOf("", q), Every: every}, since: now.Add(-every.length())}
		if err := m.fill(ctx, &sections[i], seen, maxConsidered, now); err != nil { // many may have come after now
			return Letter{}, err
		}
		papers += len(sections[i].Papers)
	}
	if papers == 0 {
		return Letter{}, ErrNothingNew
	}
	return m.digestLetter(sections, every, m.link(m.config.Paths.Leave, "sample"))
}

// ErrNothingNew is the error of a sample without a paper.
var ErrNothingNew = errors.New("no paper was listed in that time, so no digest would be sent")

// Run composes and delivers until the context ends: digests when they are due, other letters within seconds. It returns nil when the
// context ends; what fails is logged and tried again.
func (m *Mailer) Run(ctx context.Context) error {
	const (
		pulse = 2 * time.Second
		often = time.Minute // between looks at what is due, and after a failure
	)
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	var composed, failed time.Time
	for {
		if time.Since(composed) > often {
			composed = time.Now()
			m.Compose(ctx) // logs what fails
		}
		if time.Since(failed) > often {
			if _, err := m.Deliver(ctx); err != nil && ctx.Err() == nil {
				failed = time.Now()
				m.config.Log.Error("delivering mail", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

package readers

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Follow is something a reader wants to hear of: a search, or all papers of a family, which is the search "family:NAME".
type Follow struct {
	Query string    `json:"query"`
	Label string    `json:"label"` // the reader's name for it; the query if there is none
	At    time.Time `json:"at"`
}

const (
	maxFollows = 100
	maxQuery   = 400 // bytes
)

// FollowFamily is the query that follows a family of papers.
func FollowFamily(family string) string { return "family:" + family }

// Follow follows a query; the same query again changes its label.
func (s *Store) Follow(ctx context.Context, reader int64, query, label string) error {
	query = strings.Join(strings.Fields(tidy(query)), " ")
	label = strings.Join(strings.Fields(tidy(label)), " ")
	switch {
	case query == "":
		return refuse("say what to follow")
	case len(query) > maxQuery || len(label) > maxQuery:
		return refuse("a search that is followed has at most %d bytes", maxQuery)
	case label == "":
		label = query
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM follows WHERE reader = ? AND query <> ?", reader, query).Scan(&n); err != nil {
			return err
		}
		if n >= maxFollows {
			return refuse("at most %d searches can be followed", maxFollows)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO follows VALUES (?, ?, ?, ?) ON CONFLICT (reader, query) DO UPDATE SET label = excluded.label", reader, query, label, s.now())
		return err
	})
}

// Unfollow ends [Store.Follow].
func (s *Store) Unfollow(ctx context.Context, reader int64, query string) error {
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, "DELETE FROM follows WHERE reader = ? AND query = ?", reader, query))
	})
}

// Follows returns what a reader follows, by label.
func (s *Store) Follows(ctx context.Context, reader int64) ([]Follow, error) {
	return collect(ctx, s.feed.DB(), func(rows *sql.Rows) (f Follow, err error) {
		var at int64
		err = rows.Scan(&f.Query, &f.Label, &at)
		f.At = moment(at)
		return f, err
	}, "SELECT query, label, at FROM follows WHERE reader = ? ORDER BY label, query", reader)
}

package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/gyrus-dev/gyrus/feed"
)

// Source is a place on the network that papers come from.
type Source interface {
	// Kind is what papers of it are imported under, see [feed.Store.Import].
	Kind() string
	// String says what is asked for, with everything that decides the answer; what is remembered between two imports is filed under it.
	String() string
	// Papers gets papers. An error that is no [feed.Refusal] ends them.
	Papers(context.Context, *Session) iter.Seq2[feed.Paper, error]
}

// Result is what became of one source.
type Result struct {
	Source      string
	Summary     feed.Summary
	NotModified bool  // the source has nothing new
	Err         error // what ended it early; the papers before are stored
}

// Pull imports papers from sources one after the other, and reports on each. Done is called after each source and may be nil. An error of a
// source is in its result; the sources after it are asked all the same, unless ctx is cancelled.
func Pull(ctx context.Context, store *feed.Store, client *Client, done func(Result), sources ...Source) []Result {
	var results []Result
	for _, src := range sources {
		if ctx.Err() != nil {
			break
		}
		r := Result{Source: src.String()}
		r.Summary, r.NotModified, r.Err = pull(ctx, store, client, src)
		results = append(results, r)
		if done != nil {
			done(r)
		}
	}
	return results
}

func pull(ctx context.Context, store *feed.Store, client *Client, src Source) (sum feed.Summary, notModified bool, err error) {
	if err := store.Migrate(ctx, "source", `CREATE TABLE source_state (
		source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID`); err != nil {
		return sum, false, err
	}
	s := &Session{client: client, known: map[string]string{}, learnt: map[string]string{}}
	rows, err := store.DB().QueryContext(ctx, "SELECT key, value FROM source_state WHERE source = ?", src.String())
	if err != nil {
		return sum, false, err
	}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			rows.Close()
			return sum, false, err
		}
		s.known[key] = value
	}
	if err := rows.Err(); err != nil {
		return sum, false, err
	}
	sum, err = store.Import(ctx, src.Kind(), src.Papers(ctx, s))
	if errors.Is(err, ErrNotModified) {
		return sum, true, nil
	}
	if err != nil {
		return sum, false, err
	}
	// Only now, when all its papers are stored, may the source be asked for changes alone.
	return sum, false, store.Update(ctx, func(tx *sql.Tx) error {
		for key, value := range s.learnt {
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO source_state VALUES (?, ?, ?)", src.String(), key, value); err != nil {
				return fmt.Errorf("remembering how far %s was read: %w", src, err)
			}
		}
		return nil
	})
}

// Session is one import of one source: its way to the network and its memory of the last import that succeeded.
type Session struct {
	client        *Client
	known, learnt map[string]string
}

// Get gets a document, see [Client.Get].
func (s *Session) Get(ctx context.Context, address string, types ...string) ([]byte, error) {
	body, _, err := s.client.Get(ctx, address, Validator{}, types...)
	return body, err
}

// GetIfChanged gets a document unless it is the one of the last import; then the error is [ErrNotModified].
func (s *Session) GetIfChanged(ctx context.Context, address string, types ...string) ([]byte, error) {
	const etag, modified = "etag ", "modified "
	body, now, err := s.client.Get(ctx, address, Validator{s.known[etag+address], s.known[modified+address]}, types...)
	if err == nil {
		s.Remember(etag+address, now.ETag)
		s.Remember(modified+address, now.Modified)
	}
	return body, err
}

// Recall returns what was last remembered under a key, or "".
func (s *Session) Recall(key string) string { return s.known[key] }

// Remember keeps a value under a key if this import succeeds.
func (s *Session) Remember(key, value string) {
	if len(value) <= 1000 {
		s.learnt[key] = value
	}
}

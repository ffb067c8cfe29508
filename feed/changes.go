package feed

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// ChangeKind says what happened to a paper.
type ChangeKind string

// The kinds of changes.
const (
	Put     ChangeKind = "put"     // it was added, its description changed, or it came back
	Merged  ChangeKind = "merged"  // it is now a part of Into
	Removed ChangeKind = "removed" // it was taken out of the feed
)

// Change is the newest change of one paper.
type Change struct {
	Seq   int64 // grows with every change of any paper
	Paper int64
	Kind  ChangeKind
	Into  int64 // the paper that stays, if Kind is Merged
	At    time.Time
}

// recordChange replaces the change of a paper by a newer one, so that there are never more changes than papers.
const recordChange = "INSERT OR REPLACE INTO changes (paper, kind, into_paper, at) VALUES (?, ?, ?, ?)"

// Changes returns the changes after the one numbered after (0 for all), oldest first, at most limit. Of each paper only the newest change
// is kept: who has seen all changes up to a number knows the papers as they were then. Upvotes, comments and runs are not changes.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]Change, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, paper, kind, into_paper, at FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the changes of the feed: %w", err)
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		var c Change
		var at sql.NullInt64
		if err := rows.Scan(&c.Seq, &c.Paper, &c.Kind, &c.Into, &at); err != nil {
			return nil, fmt.Errorf("reading the changes of the feed: %w", err)
		}
		c.At = unstamp(at)
		out = append(out, c)
	}
	return out, rows.Err()
}

// Remove takes a paper out of the feed and says why; sources that offer it again are refused. [Store.Restore] brings it back.
func (s *Store) Remove(ctx context.Context, id int64, reason string) error {
	if reason = line(reason); reason == "" {
		return fmt.Errorf("removing paper %d: say why", id)
	}
	return s.mark(ctx, id, "removed: "+reason, Removed, "gone = ''")
}

// Restore undoes [Store.Remove].
func (s *Store) Restore(ctx context.Context, id int64) error {
	return s.mark(ctx, id, "", Put, "gone LIKE 'removed: %'")
}

func (s *Store) mark(ctx context.Context, id int64, gone string, kind ChangeKind, where string) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE papers SET gone = ? WHERE id = ? AND "+where, gone, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return fmt.Errorf("paper %d: %w", id, ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, recordChange, id, kind, 0, stamp(s.now()))
		return err
	})
}

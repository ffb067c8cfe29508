package readers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Upvote counts a reader for a paper; doing it twice changes nothing.
func (s *Store) Upvote(ctx context.Context, reader, paper int64) error {
	p, err := s.feed.Paper(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		now := s.now()
		result, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO upvotes VALUES (?, ?, ?)", reader, p.ID, now)
		if err = changed(result, err); err == ErrNotFound {
			return nil
		} else if err != nil {
			return err
		}
		return s.feed.RecordTx(ctx, tx, feed.Signal{Paper: p.ID, Kind: feed.Upvote, Delta: 1, At: moment(now)})
	})
}

// Withdraw takes an upvote back, as if it had never been; if there is none nothing changes.
func (s *Store) Withdraw(ctx context.Context, reader, paper int64) error {
	id, err := s.whole(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, "DELETE FROM upvotes WHERE reader = ? AND paper = ? RETURNING at", reader, id).Scan(&at)
		if err == sql.ErrNoRows {
			return nil
		} else if err != nil {
			return err
		}
		return s.takeBack(ctx, tx, id, feed.Upvote, at)
	})
}

// takeBack uncounts what was counted at a time. A paper that is no longer in the feed has no counts.
func (s *Store) takeBack(ctx context.Context, tx *sql.Tx, paper int64, kind feed.Kind, at int64) error {
	err := s.feed.RecordTx(ctx, tx, feed.Signal{Paper: paper, Kind: kind, Delta: -1, At: moment(at)})
	if errors.Is(err, feed.ErrNotFound) {
		return nil
	}
	return err
}

// whole returns the ID of the paper that a paper, even a removed one, is part of.
func (s *Store) whole(ctx context.Context, paper int64) (id int64, err error) {
	err = s.feed.DB().QueryRowContext(ctx, "SELECT coalesce(merged_into, id) FROM papers WHERE id = ?", paper).Scan(&id)
	if err == sql.ErrNoRows {
		err = feed.ErrNotFound
	}
	return id, err
}

// Marks is what a reader has done about a paper.
type Marks struct {
	Upvoted bool
	Listed  bool // on the reading list
	Read    bool // on the list, and done with
	Author  bool // the claim of authorship was accepted
}

// Marks returns the marks of a reader on each of some papers; a paper without any is left out.
func (s *Store) Marks(ctx context.Context, reader int64, papers ...int64) (map[int64]Marks, error) {
	list, err := json.Marshal(papers)
	if err != nil {
		return nil, err
	}
	rows, err := s.feed.DB().QueryContext(ctx, `
		SELECT j.value, u.paper IS NOT NULL, l.paper IS NOT NULL, l.read IS NOT NULL, c.paper IS NOT NULL FROM json_each(?2) j
		LEFT JOIN upvotes u ON u.reader = ?1 AND u.paper = j.value
		LEFT JOIN reading_list l ON l.reader = ?1 AND l.paper = j.value
		LEFT JOIN claims c ON c.reader = ?1 AND c.paper = j.value AND c.state = 'accepted'
		WHERE u.paper IS NOT NULL OR l.paper IS NOT NULL OR c.paper IS NOT NULL`, reader, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]Marks{}
	for rows.Next() {
		var paper int64
		var m Marks
		if err := rows.Scan(&paper, &m.Upvoted, &m.Listed, &m.Read, &m.Author); err != nil {
			return nil, err
		}
		out[paper] = m
	}
	return out, rows.Err()
}

// maxList is how many papers a reading list holds.
const maxList = 5000

// Keep puts a paper on a reader's list, which nobody else sees.
func (s *Store) Keep(ctx context.Context, reader, paper int64) error {
	p, err := s.feed.Paper(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM reading_list WHERE reader = ?", reader).Scan(&n); err != nil {
			return err
		}
		if n >= maxList {
			return refuse("the reading list is full: it holds %d papers", maxList)
		}
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO reading_list VALUES (?, ?, ?, NULL)", reader, p.ID, s.now())
		return err
	})
}

// Drop takes a paper off a reader's list.
func (s *Store) Drop(ctx context.Context, reader, paper int64) error {
	id, err := s.whole(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM reading_list WHERE reader = ? AND paper = ?", reader, id)
		return err
	})
}

// SetRead marks a paper on a reader's list as read, or as not.
func (s *Store) SetRead(ctx context.Context, reader, paper int64, read bool) error {
	id, err := s.whole(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, "UPDATE reading_list SET read = CASE WHEN ?3 THEN coalesce(read, ?4) END WHERE reader = ?1 AND paper = ?2", reader, id, read, s.now()))
	})
}

// Kept is a paper on a reading list.
type Kept struct {
	feed.Paper
	Added time.Time
	Read  time.Time // zero if it is still to be read
}

// ReadingList returns a reader's list: what is still to be read first, and of each part what was added last.
func (s *Store) ReadingList(ctx context.Context, reader int64) ([]Kept, error) {
	return s.kept(ctx, reader, "SELECT paper, added, read FROM reading_list WHERE reader = ? ORDER BY read IS NOT NULL, added DESC, paper DESC")
}

// Upvotes returns the papers a reader has upvoted, the last first.
func (s *Store) Upvotes(ctx context.Context, reader int64) ([]Kept, error) {
	return s.kept(ctx, reader, "SELECT paper, at, NULL FROM upvotes WHERE reader = ? ORDER BY at DESC, paper DESC")
}

func (s *Store) kept(ctx context.Context, reader int64, query string) ([]Kept, error) {
	out, err := collect(ctx, s.feed.DB(), func(rows *sql.Rows) (k Kept, err error) {
		var added int64
		var read sql.NullInt64
		err = rows.Scan(&k.ID, &added, &read)
		k.Added, k.Read = moment(added), orZero(read)
		return k, err
	}, query, reader)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(out))
	for i, k := range out {
		ids[i] = k.ID
	}
	papers, err := s.feed.Papers(ctx, ids...) // in this order, without those that have left the feed
	if err != nil {
		return nil, err
	}
	there := out[:0]
	for _, k := range out {
		if len(papers) > 0 && papers[0].ID == k.ID {
			k.Paper, papers = papers[0], papers[1:]
			there = append(there, k)
		}
	}
	return there, nil
}

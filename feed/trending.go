package feed

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Kind is a kind of event that makes a paper trend.
type Kind string

// The kinds of events.
const (
	Upvote  Kind = "upvote"
	Comment Kind = "comment"
	Run     Kind = "run"

	listing Kind = "listed" // the paper came up in the feed
)

// Signal is something that happened to a paper in this reading room.
type Signal struct {
	Paper int64
	Kind  Kind
	Delta int       // how often; negative to take back, with the time of what is taken back
	At    time.Time // zero is the present
}

const recordSignal = "INSERT INTO signals (paper, kind, delta, at) VALUES (?, ?, ?, ?)"

// Record stores signals in one transaction.
func (s *Store) Record(ctx context.Context, signals ...Signal) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return s.RecordTx(ctx, tx, signals...) })
}

// RecordTx stores signals in a transaction of [Store.Update], together with what they are the signals of. Signals of a merged paper go to
// the paper it was merged into; of an unknown or removed one the error is [ErrNotFound].
func (s *Store) RecordTx(ctx context.Context, tx *sql.Tx, signals ...Signal) error {
	for _, sig := range signals {
		column, ok := map[Kind]string{Upvote: "own_upvotes", Comment: "own_comments", Run: "own_runs"}[sig.Kind]
		if !ok {
			return fmt.Errorf("no signal is called %q", sig.Kind)
		}
		if sig.Delta == 0 {
			continue
		}
		if sig.At.IsZero() {
			sig.At = s.now()
		}
		var id int64
		err := tx.QueryRowContext(ctx, "UPDATE papers SET "+column+" = max(0, "+column+" + ?) WHERE gone = '' "+
			"AND id = (SELECT coalesce(merged_into, id) FROM papers WHERE id = ?) RETURNING id", sig.Delta, sig.Paper).Scan(&id)
		if err == sql.ErrNoRows {
			return fmt.Errorf("paper %d: %w", sig.Paper, ErrNotFound)
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, recordSignal, id, sig.Kind, sig.Delta, sig.At.UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// Scored is a paper with its trending score.
type Scored struct {
	Paper
	Score float64
}

// Trending returns the papers that most happened to in the window that ends now (zero is the present), highest score first; at most
// limit if that is positive.
//
// For each kind k of event, let n_k be the sum over its events in the window of delta * 2^(-age/h), where the half-life h is a third of
// the window: 8 hours of a day, 56 hours of a week, 10 days of a month of 30 days; at the far end of the window an event counts an eighth.
// The score is
//
//	1 * ln(1 + n_upvote) + 2 * ln(1 + n_comment) + 3 * ln(1 + n_run) + 0.5 * ln(1 + n_listed).
//
// The logarithm lets variety count for more than a single kind repeated often; the weights follow the effort each kind takes. Upvotes
// and comments that came with a paper count as of its listing, and those added by later imports as of the import that saw them. The
// listing itself is one event, so that a fresh paper nobody has voted on is there, after those that somebody has.
func (s *Store) Trending(ctx context.Context, window Period, now time.Time, limit int) ([]Scored, error) {
	with, args, err := s.scores(window, now)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = -1
	}
	rows, err := s.db.QueryContext(ctx, with+"SELECT "+columns+", scores.score FROM scores CROSS JOIN papers p ON p.id = scores.paper WHERE p.gone = '' "+
		"ORDER BY scores.score DESC, p.listed DESC, p.id DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("reading what trends: %w", err)
	}
	defer rows.Close()
	var out []Scored
	for rows.Next() {
		var p Scored
		if err := scan(rows, &p.Paper, &p.Score); err != nil {
			return nil, fmt.Errorf("reading what trends: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// scores is the common table "scores (paper, score)" of a window.
func (s *Store) scores(window Period, now time.Time) (with string, args []any, err error) {
	length, ok := map[Period]time.Duration{Day: 24 * time.Hour, Week: 7 * 24 * time.Hour, Month: 30 * 24 * time.Hour}[window]
	if !ok {
		return "", nil, fmt.Errorf("no window is called %q (there are: day, week, month)", window)
	}
	if now.IsZero() {
		now = s.now()
	}
	end, h := now.UnixMilli(), length.Milliseconds()/3
	return `WITH counted AS MATERIALIZED (
			SELECT paper, kind, sum(delta * pow(2, (at - ?) / ?)) AS n FROM signals WHERE at > ? AND at <= ? GROUP BY paper, kind),
		scores AS (
			SELECT paper, sum(CASE kind WHEN 'upvote' THEN 1.0 WHEN 'comment' THEN 2.0 WHEN 'run' THEN 3.0 ELSE 0.5 END * ln(1 + max(0, n))) AS score
			FROM counted GROUP BY paper)
		`, []any{end, float64(h), end - length.Milliseconds(), end}, nil
}

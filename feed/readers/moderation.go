package readers

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Verdict is what became of a report or a claim.
type Verdict string

// The verdicts.
const (
	Pending   Verdict = "pending"
	Upheld    Verdict = "upheld"    // the reported comment was deleted
	Dismissed Verdict = "dismissed" // it stays
	Accepted  Verdict = "accepted"  // the reader is an author of the paper
	Refused   Verdict = "refused"
)

// maxReason is the length of the longest reason or evidence, in bytes.
const maxReason = 2000

func cleanReason(what, s string) (string, error) {
	s = strings.TrimSpace(tidy(s))
	if len(s) > maxReason {
		return "", refuse("the %s has %d bytes; at most %d can be kept", what, len(s), maxReason)
	}
	return s, nil
}

// Report is a complaint about a comment.
type Report struct {
	ID      int64
	Comment *Comment
	Reader  int64 // who complains; 0 if gone
	Reason  string
	At      time.Time
	State   Verdict
}

// ReportComment complains about a comment; a second complaint of the same reader replaces the first.
func (s *Store) ReportComment(ctx context.Context, reader, comment int64, reason string) error {
	reason, err := cleanReason("reason", reason)
	if err != nil {
		return err
	}
	if err := s.limits.reports.Allow(key("reader", reader)); err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		if _, _, own, err := s.standing(ctx, tx, comment, reader); err != nil {
			return err
		} else if own {
			return refuse("this comment is yours; you can delete it")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO reports (comment, reader, reason, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (comment, reader) DO UPDATE SET reason = excluded.reason WHERE state = 'pending'`, comment, reader, reason, s.now())
		return err
	})
}

// Reports returns the complaints that have not been decided, oldest first.
func (s *Store) Reports(ctx context.Context) ([]Report, error) {
	reports, err := collect(ctx, s.feed.DB(), func(rows *sql.Rows) (r Report, err error) {
		var at int64
		r.Comment = &Comment{}
		err = rows.Scan(&r.ID, &r.Comment.ID, &r.Reader, &r.Reason, &at, &r.State)
		r.At = moment(at)
		return r, err
	}, "SELECT id, comment, coalesce(reader, 0), reason, at, state FROM reports WHERE state = 'pending' ORDER BY id")
	if err != nil {
		return nil, err
	}
	for i := range reports {
		found, err := collect(ctx, s.feed.DB(), scanComment, "SELECT "+commentColumns+" WHERE c.id = ?", reports[i].Comment.ID)
		if err != nil {
			return nil, err
		}
		reports[i].Comment = found[0] // the table refers to it
	}
	return reports, nil
}

// DecideReport decides an open report: [Upheld] deletes the comment, [Dismissed] leaves it.
func (s *Store) DecideReport(ctx context.Context, report int64, v Verdict) error {
	if v != Upheld && v != Dismissed {
		return refuse("a report is upheld or dismissed, not %s", v)
	}
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		var comment int64
		err := tx.QueryRowContext(ctx, "UPDATE reports SET state = ?, decided = ? WHERE id = ? AND state = 'pending' RETURNING comment", v, s.now(), report).Scan(&comment)
		if err == sql.ErrNoRows {
			return ErrNotFound
		}
		if err != nil || v == Dismissed {
			return err
		}
		paper, created, _, err := s.standing(ctx, tx, comment, 0)
		if err == ErrNotFound { // deleted already
			return nil
		} else if err != nil {
			return err
		}
		return s.erase(ctx, tx, comment, paper, created, "moderator")
	})
}

// Claim is a reader's claim to be an author of a paper.
type Claim struct {
	ID       int64
	Reader   int64
	Name     string // of the reader
	Paper    int64
	Title    string // of the paper
	Evidence string
	At       time.Time
	State    Verdict
	Decided  time.Time
	Why      string // it was decided so
}

// ClaimPaper claims that a reader is an author of a paper. A moderator decides; until then, and if refused, nobody else sees it. Evidence is
// what speaks for it, such as a page at the author's institution. A refused claim can be made again with other evidence.
func (s *Store) ClaimPaper(ctx context.Context, reader, paper int64, evidence string) error {
	evidence, err := cleanReason("evidence", evidence)
	if err != nil {
		return err
	}
	if evidence == "" {
		return refuse("say how one can see that the paper is yours")
	}
	p, err := s.feed.Paper(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO claims (reader, paper, evidence, at) VALUES (?, ?, ?, ?) ON CONFLICT (reader, paper)
			DO UPDATE SET evidence = excluded.evidence, at = excluded.at, state = 'pending', decided = NULL, why = '' WHERE state <> 'accepted' AND evidence <> excluded.evidence`,
			reader, p.ID, evidence, s.now())
		if err = changed(result, err); err == ErrNotFound {
			return refuse("you have claimed this paper already")
		}
		return err
	})
}

// Unclaim withdraws a claim, accepted or not.
func (s *Store) Unclaim(ctx context.Context, reader, paper int64) error {
	id, err := s.whole(ctx, paper)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, "DELETE FROM claims WHERE reader = ? AND paper = ?", reader, id))
	})
}

const claimColumns = `c.id, c.reader, r.name, c.paper, p.title, c.evidence, c.at, c.state, c.decided, c.why
	FROM claims c JOIN readers r ON r.id = c.reader JOIN papers p ON p.id = c.paper`

func scanClaim(rows *sql.Rows) (c Claim, err error) {
	var at int64
	var decided sql.NullInt64
	err = rows.Scan(&c.ID, &c.Reader, &c.Name, &c.Paper, &c.Title, &c.Evidence, &at, &c.State, &decided, &c.Why)
	c.At, c.Decided = moment(at), orZero(decided)
	return c, err
}

// OpenClaims returns the claims that have not been decided, oldest first.
func (s *Store) OpenClaims(ctx context.Context) ([]Claim, error) {
	return collect(ctx, s.feed.DB(), scanClaim, "SELECT "+claimColumns+" WHERE c.state = 'pending' ORDER BY c.id")
}

// Claims returns all claims of a reader, the newest first.
func (s *Store) Claims(ctx context.Context, reader int64) ([]Claim, error) {
	return collect(ctx, s.feed.DB(), scanClaim, "SELECT "+claimColumns+" WHERE c.reader = ? ORDER BY c.id DESC", reader)
}

// Authors returns the readers whose claim to a paper was accepted.
func (s *Store) Authors(ctx context.Context, paper int64) ([]Author, error) {
	return collect(ctx, s.feed.DB(), func(rows *sql.Rows) (a Author, err error) {
		a.OfPaper = true
		err = rows.Scan(&a.ID, &a.Name)
		return a, err
	}, `SELECT r.id, r.name FROM claims c JOIN readers r ON r.id = c.reader
		WHERE c.paper = (SELECT coalesce(merged_into, id) FROM papers WHERE id = ?) AND c.state = 'accepted' ORDER BY c.id`, paper)
}

// DecideClaim decides a claim, [Accepted] or [Refused], and says why. A decision can be changed.
func (s *Store) DecideClaim(ctx context.Context, claim int64, v Verdict, why string) error {
	if v != Accepted && v != Refused {
		return refuse("a claim is accepted or refused, not %s", v)
	}
	why, err := cleanReason("reason", why)
	if err != nil {
		return err
	}
	return s.set(ctx, "UPDATE claims SET state = ?, decided = ?, why = ? WHERE id = ?", v, s.now(), why, claim)
}

package readers

import (
	"context"
	"database/sql"
	"html/template"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// MaxDepth is how deep an answer can lie below a comment; an answer to one that deep stands beside it.
const MaxDepth = 6

// Author is who wrote a comment, as everybody sees it.
type Author struct {
	ID      int64
	Name    string
	OfPaper bool // an author of the paper, by an accepted claim
}

// Comment is one comment of a discussion.
type Comment struct {
	ID      int64
	Paper   int64
	Parent  int64         // 0 at the top
	Author  *Author       // nil if the comment is deleted or its author has left
	Body    string        // Markdown; empty if deleted
	HTML    template.HTML // of Body, see [Render]
	Created time.Time
	Edited  time.Time // zero if never
	Deleted time.Time // zero if not; what remains holds the answers together
	By      string    // who deleted it: "author" or "moderator"
	Answers []*Comment
}

// NewComment is a comment to be made.
type NewComment struct {
	Reader int64
	Paper  int64
	Parent int64  // the comment it answers, 0 for none
	Body   string // Markdown, at most [MaxComment] bytes
	From   string // network address; empty for none
}

// Comment adds a comment and returns its ID.
func (s *Store) Comment(ctx context.Context, c NewComment) (id int64, err error) {
	body, err := cleanBody(c.Body)
	if err != nil {
		return 0, err
	}
	p, err := s.feed.Paper(ctx, c.Paper)
	if err != nil {
		return 0, err
	}
	if err := active(ctx, s.feed.DB(), c.Reader); err != nil {
		return 0, err // before it is counted as a comment
	}
	if err := s.limits.commentsFrom.Allow(c.From); err != nil {
		return 0, err
	}
	if err := s.limits.comments.Allow(key("reader", c.Reader)); err != nil {
		return 0, err
	}
	err = s.act(ctx, c.Reader, func(tx *sql.Tx) error {
		now := s.now()
		parent, depth := sql.NullInt64{}, 0
		if c.Parent != 0 {
			var above sql.NullInt64
			var gone sql.NullInt64
			err := tx.QueryRowContext(ctx, "SELECT parent, depth, deleted FROM comments WHERE id = ? AND paper = ?", c.Parent, p.ID).Scan(&above, &depth, &gone)
			if err == sql.ErrNoRows {
				return ErrNotFound
			} else if err != nil {
				return err
			}
			if gone.Valid {
				return refuse("the comment this answers has been deleted")
			}
			if parent = (sql.NullInt64{Int64: c.Parent, Valid: true}); depth == MaxDepth {
				parent = above
			} else {
				depth++
			}
		}
		var same int // sent twice by a nervous finger
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM comments WHERE reader = ? AND paper = ? AND parent IS ? AND body = ? AND deleted IS NULL AND created > ?",
			c.Reader, p.ID, parent, body, now-time.Hour.Milliseconds()).Scan(&same); err != nil {
			return err
		}
		if same > 0 {
			return refuse("you have said this here already")
		}
		result, err := tx.ExecContext(ctx, "INSERT INTO comments (paper, parent, depth, reader, body, created) VALUES (?, ?, ?, ?, ?, ?)", p.ID, parent, depth, c.Reader, body, now)
		if err != nil {
			return err
		}
		if id, err = result.LastInsertId(); err != nil {
			return err
		}
		return s.feed.RecordTx(ctx, tx, feed.Signal{Paper: p.ID, Kind: feed.Comment, Delta: 1, At: moment(now)})
	})
	return id, err
}

func cleanBody(body string) (string, error) {
	body = strings.TrimSpace(tidy(body))
	switch {
	case body == "":
		return "", refuse("the comment is empty")
	case len(body) > MaxComment:
		return "", refuse("the comment has %d bytes; at most %d can be kept", len(body), MaxComment)
	}
	return body, nil
}

// Edit changes the text of a reader's own comment. That it was changed is shown.
func (s *Store) Edit(ctx context.Context, reader, comment int64, body string) error {
	body, err := cleanBody(body)
	if err != nil {
		return err
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		if _, _, own, err := s.standing(ctx, tx, comment, reader); err != nil {
			return err
		} else if !own {
			return ErrNotYours
		}
		_, err := tx.ExecContext(ctx, "UPDATE comments SET body = ?1, edited = ?2 WHERE id = ?3 AND body <> ?1", body, s.now(), comment)
		return err
	})
}

// DeleteComment deletes a comment, as its author or as a moderator. Its text is gone; a mark remains in its place, so that answers stay
// where they are.
func (s *Store) DeleteComment(ctx context.Context, reader, comment int64) error {
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		paper, created, own, err := s.standing(ctx, tx, comment, reader)
		if err != nil {
			return err
		}
		by := "author"
		if !own {
			by = "moderator"
			var may bool
			if err := tx.QueryRowContext(ctx, "SELECT moderator FROM readers WHERE id = ?", reader).Scan(&may); err != nil {
				return err
			}
			if !may {
				return ErrNotYours
			}
		}
		return s.erase(ctx, tx, comment, paper, created, by)
	})
}

// RemoveComment is [Store.DeleteComment] of the command line: it asks for no account.
func (s *Store) RemoveComment(ctx context.Context, comment int64) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		paper, created, _, err := s.standing(ctx, tx, comment, 0)
		if err != nil {
			return err
		}
		return s.erase(ctx, tx, comment, paper, created, "moderator")
	})
}

// standing returns what is known of a comment that has not been deleted, and whether a reader wrote it.
func (s *Store) standing(ctx context.Context, tx *sql.Tx, comment, reader int64) (paper, created int64, own bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT paper, created, coalesce(reader, -1) = ? FROM comments WHERE id = ? AND deleted IS NULL", reader, comment).Scan(&paper, &created, &own)
	if err == sql.ErrNoRows {
		err = ErrNotFound
	}
	return paper, created, own, err
}

func (s *Store) erase(ctx context.Context, tx *sql.Tx, comment, paper, created int64, by string) error {
	now := s.now()
	if _, err := tx.ExecContext(ctx, "UPDATE comments SET body = '', deleted = ?, deleted_by = ? WHERE id = ?", now, by, comment); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE reports SET state = ?, decided = ? WHERE comment = ? AND state = 'pending'", Upheld, now, comment); err != nil {
		return err
	}
	return s.takeBack(ctx, tx, paper, feed.Comment, created)
}

const commentColumns = `c.id, c.paper, coalesce(c.parent, 0), c.body, c.created, c.edited, c.deleted, c.deleted_by, r.id, r.name,
	EXISTS (SELECT 1 FROM claims a WHERE a.reader = c.reader AND a.paper = c.paper AND a.state = 'accepted')
	FROM comments c LEFT JOIN readers r ON r.id = c.reader`

func scanComment(rows *sql.Rows) (*Comment, error) {
	var c Comment
	var created int64
	var edited, deleted, reader sql.NullInt64
	var name sql.NullString
	var ofPaper bool
	if err := rows.Scan(&c.ID, &c.Paper, &c.Parent, &c.Body, &created, &edited, &deleted, &c.By, &reader, &name, &ofPaper); err != nil {
		return nil, err
	}
	c.Created, c.Edited, c.Deleted = moment(created), orZero(edited), orZero(deleted)
	if c.Deleted.IsZero() {
		c.HTML = Render(c.Body)
		if reader.Valid {
			c.Author = &Author{reader.Int64, name.String, ofPaper}
		}
	}
	return &c, nil
}

// Discussion returns the comments on a paper, oldest first, each with its answers.
func (s *Store) Discussion(ctx context.Context, paper int64) ([]*Comment, error) {
	all, err := collect(ctx, s.feed.DB(), scanComment,
		"SELECT "+commentColumns+" WHERE c.paper = (SELECT coalesce(merged_into, id) FROM papers WHERE id = ?) ORDER BY c.id", paper)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]*Comment, len(all))
	var top []*Comment
	for _, c := range all {
		byID[c.ID] = c
		if above := byID[c.Parent]; above != nil {
			above.Answers = append(above.Answers, c)
		} else {
			top = append(top, c)
		}
	}
	return top, nil
}

// Comments returns the newest comments of all papers, or of one reader if that is not 0, deleted ones left out, newest first.
func (s *Store) Comments(ctx context.Context, reader int64, limit int) ([]*Comment, error) {
	return collect(ctx, s.feed.DB(), scanComment,
		"SELECT "+commentColumns+" WHERE c.deleted IS NULL AND (?1 = 0 OR c.reader = ?1) ORDER BY c.id DESC LIMIT ?2", reader, limit)
}

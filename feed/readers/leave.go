package readers

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Export writes everything the reading room keeps of a reader as one JSON document, the email address included, secrets of sessions not.
// More adds what other packages keep, such as subscriptions.
func (s *Store) Export(ctx context.Context, w io.Writer, reader int64, more map[string]any) error {
	r, err := s.Reader(ctx, reader)
	if err != nil {
		return err
	}
	type paper struct {
		Paper int64     `json:"paper"`
		ArXiv string    `json:"arxiv,omitempty"`
		DOI   string    `json:"doi,omitempty"`
		Title string    `json:"title"`
		At    time.Time `json:"at"`
		Read  time.Time `json:"read,omitzero"`
	}
	papers := func(kept []Kept) []paper {
		out := make([]paper, 0, len(kept))
		for _, k := range kept {
			out = append(out, paper{k.ID, k.ArXiv, k.DOI, k.Title, k.Added, k.Read})
		}
		return out
	}
	type comment struct {
		ID      int64     `json:"id"`
		Paper   int64     `json:"paper"`
		Parent  int64     `json:"answers,omitempty"`
		Body    string    `json:"markdown"`
		Created time.Time `json:"created"`
		Edited  time.Time `json:"edited,omitzero"`
	}
	type claim struct {
		Paper    int64     `json:"paper"`
		Title    string    `json:"title"`
		Evidence string    `json:"evidence"`
		At       time.Time `json:"at"`
		State    Verdict   `json:"state"`
		Why      string    `json:"why,omitempty"`
	}
	type report struct {
		Comment int64     `json:"comment"`
		Reason  string    `json:"reason"`
		At      time.Time `json:"at"`
		State   Verdict   `json:"state"`
	}
	doc := struct {
		Written time.Time `json:"written"`
		Account struct {
			Reader
			Address string `json:"address,omitempty"`
		} `json:"account"`
		Sessions []Session      `json:"sessions"`
		Upvotes  []paper        `json:"upvotes"`
		List     []paper        `json:"reading_list"`
		Follows  []Follow       `json:"follows"`
		Comments []comment      `json:"comments"`
		Claims   []claim        `json:"claims"`
		Reports  []report       `json:"reports"`
		More     map[string]any `json:"more,omitempty"`
	}{Written: s.config.Now().UTC(), Comments: []comment{}, Claims: []claim{}, More: more}
	doc.Account.Reader, doc.Account.Address = r, r.Address.Reveal()

	if doc.Sessions, err = s.Sessions(ctx, reader); err != nil {
		return err
	}
	upvotes, err := s.Upvotes(ctx, reader)
	if err != nil {
		return err
	}
	list, err := s.ReadingList(ctx, reader)
	if err != nil {
		return err
	}
	doc.Upvotes, doc.List = papers(upvotes), papers(list)
	if doc.Follows, err = s.Follows(ctx, reader); err != nil {
		return err
	}
	comments, err := s.Comments(ctx, reader, -1)
	if err != nil {
		return err
	}
	for _, c := range comments {
		doc.Comments = append(doc.Comments, comment{c.ID, c.Paper, c.Parent, c.Body, c.Created, c.Edited})
	}
	claims, err := s.Claims(ctx, reader)
	if err != nil {
		return err
	}
	for _, c := range claims {
		doc.Claims = append(doc.Claims, claim{c.Paper, c.Title, c.Evidence, c.At, c.State, c.Why})
	}
	if doc.Reports, err = collect(ctx, s.feed.DB(), func(rows *sql.Rows) (r report, err error) {
		var at int64
		err = rows.Scan(&r.Comment, &r.Reason, &at, &r.State)
		r.At = moment(at)
		return r, err
	}, "SELECT comment, reason, at, state FROM reports WHERE reader = ? ORDER BY id", reader); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("writing the account: %w", err)
	}
	return nil
}

// Delete deletes an account with all that belongs to it: sessions, links, upvotes, reading list, follows, claims, the text of all comments
// (a mark remains in their place), and the name beside reports. In the same transaction it calls also for what other packages keep under
// the address. There is no way back. The local reader can be deleted too, and comes back empty.
func (s *Store) Delete(ctx context.Context, reader int64, also ...func(context.Context, *sql.Tx, Address) error) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		r, err := scanReader(tx.QueryRowContext(ctx, "SELECT "+readerColumns+" FROM readers WHERE id = ?", reader))
		if err == sql.ErrNoRows {
			return ErrNotFound
		} else if err != nil {
			return err
		}
		type past struct{ id, paper, at int64 }
		pasts := func(query string) ([]past, error) {
			return collect(ctx, tx, func(rows *sql.Rows) (p past, err error) {
				err = rows.Scan(&p.id, &p.paper, &p.at)
				return p, err
			}, query, reader)
		}
		upvotes, err := pasts("SELECT 0, paper, at FROM upvotes WHERE reader = ?")
		if err != nil {
			return err
		}
		for _, u := range upvotes {
			if err := s.takeBack(ctx, tx, u.paper, feed.Upvote, u.at); err != nil {
				return err
			}
		}
		comments, err := pasts("SELECT id, paper, created FROM comments WHERE reader = ? AND deleted IS NULL")
		if err != nil {
			return err
		}
		for _, c := range comments {
			if err := s.erase(ctx, tx, c.id, c.paper, c.at, "author"); err != nil {
				return err
			}
		}
		if !r.Address.IsZero() {
			if _, err := tx.ExecContext(ctx, "DELETE FROM sign_ins WHERE address = ?", r.Address); err != nil {
				return err
			}
			for _, f := range also {
				if err := f(ctx, tx, r.Address); err != nil {
					return err
				}
			}
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM readers WHERE id = ?", reader) // and what refers to it
		return err
	})
}

package readers

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"fmt"
	"time"
)

// Reader is an account.
type Reader struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Address   Address   `json:"-"` // none for the local reader
	Local     bool      `json:"local,omitempty"`
	Moderator bool      `json:"moderator,omitempty"` // may delete what others wrote, and decide claims and reports
	Created   time.Time `json:"created"`
	Suspended time.Time `json:"suspended,omitzero"`
	Why       string    `json:"why,omitempty"` // it is suspended
}

const readerColumns = "id, name, address, local, moderator, created, suspended, suspended_why"

func scanReader(row interface{ Scan(...any) error }) (r Reader, err error) {
	var created int64
	var suspended sql.NullInt64
	err = row.Scan(&r.ID, &r.Name, &r.Address, &r.Local, &r.Moderator, &created, &suspended, &r.Why)
	r.Created, r.Suspended = moment(created), orZero(suspended)
	return r, err
}

// AskSignIn mails a link to sign in with. It makes no difference, neither to the answer nor to the work that is done, whether there is an
// account with that address: the first sign-in makes one. From is the network address that asks, empty for none.
func (s *Store) AskSignIn(ctx context.Context, to Address, from string) error {
	if s.config.Letter == nil {
		return ErrNoMail
	}
	if to.IsZero() {
		return errAddress
	}
	if err := s.limits.lettersFrom.Allow(from); err != nil {
		return err
	}
	if err := s.limits.lettersTo.Allow(to.Reveal()); err != nil {
		return err
	}
	token, digest := newToken()
	now := s.config.Now()
	err := s.feed.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sign_ins WHERE created < ?", now.AddDate(0, 0, -1).UnixMilli()); err != nil {
			return err
		}
		until := now.Add(LinkLife)
		if _, err := tx.ExecContext(ctx, "INSERT INTO sign_ins VALUES (?, ?, ?, ?, NULL)", digest, to, now.UnixMilli(), until.UnixMilli()); err != nil {
			return err
		}
		return s.config.Letter(ctx, tx, to, token, until)
	})
	if err != nil {
		return fmt.Errorf("storing a sign-in: %w", err)
	}
	return nil
}

// CheckSignIn returns whom a sign-in link would sign in, without using it. A page shows this with a button: programs that look at the links
// in a mailbox follow them, but press no buttons.
func (s *Store) CheckSignIn(ctx context.Context, token string) (Address, error) {
	return checkSignIn(ctx, s.feed.DB(), token, s.now())
}

func checkSignIn(ctx context.Context, q querier, token string, now int64) (Address, error) {
	var stored []byte
	var to Address
	err := q.QueryRowContext(ctx, "SELECT digest, address FROM sign_ins WHERE digest = ? AND used IS NULL AND expires > ?", digestOf(token), now).Scan(&stored, &to)
	if err == sql.ErrNoRows || err == nil && subtle.ConstantTimeCompare(stored, digestOf(token)) != 1 {
		return Address{}, ErrLink
	}
	return to, err
}

// SignIn uses a sign-in link: it returns the reader, whose account it makes if need be, and the secret of a new session. All other links
// to that address become worthless too. The error of a link that cannot be used is [ErrLink], whatever the reason, and [ErrSuspended] for
// an account that is suspended.
func (s *Store) SignIn(ctx context.Context, token string) (r Reader, session string, err error) {
	now := s.now()
	err = s.feed.Update(ctx, func(tx *sql.Tx) error {
		to, err := checkSignIn(ctx, tx, token, now)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE sign_ins SET used = ? WHERE address = ? AND used IS NULL", now, to); err != nil {
			return err
		}
		r, err = scanReader(tx.QueryRowContext(ctx, "SELECT "+readerColumns+" FROM readers WHERE address = ?", to))
		if err == sql.ErrNoRows {
			r, err = add(ctx, tx, to, now)
		}
		if err != nil {
			return err
		}
		if !r.Suspended.IsZero() {
			return nil // the link is used all the same
		}
		session, err = startSession(ctx, tx, r.ID, now)
		return err
	})
	if err == nil && !r.Suspended.IsZero() {
		return Reader{}, "", ErrSuspended
	}
	return r, session, err
}

// add makes an account with a name that says nothing about its address.
func add(ctx context.Context, tx *sql.Tx, to Address, now int64) (Reader, error) {
	placeholder := rand.Text()
	result, err := tx.ExecContext(ctx, "INSERT INTO readers (address, name, name_key, local, created) VALUES (?, ?, ?, ?, ?)", to, placeholder, placeholder, to.IsZero(), now)
	if err != nil {
		return Reader{}, err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return Reader{}, err
	}
	for _, name := range []string{fmt.Sprintf("Reader %d", id), fmt.Sprintf("Reader %d-%s", id, rand.Text()[:6])} { // the first may have been taken on purpose
		clean, key, err := cleanName(name)
		if err != nil {
			return Reader{}, err
		}
		result, err := tx.ExecContext(ctx, "UPDATE OR IGNORE readers SET name = ?, name_key = ? WHERE id = ?", clean, key, id)
		if changed(result, err) == nil {
			break
		}
	}
	return scanReader(tx.QueryRowContext(ctx, "SELECT "+readerColumns+" FROM readers WHERE id = ?", id))
}

func startSession(ctx context.Context, tx *sql.Tx, reader, now int64) (string, error) {
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE expires <= ?", now); err != nil {
		return "", err
	}
	token, digest := newToken()
	_, err := tx.ExecContext(ctx, "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", digest, rand.Text()[:12], reader, now, now+SessionLife.Milliseconds(), now)
	return token, err
}

// SignedIn returns the reader of a session. The error of an unknown, ended or expired one is [ErrSignedOut]; that of a suspended account
// [ErrSuspended].
func (s *Store) SignedIn(ctx context.Context, session string) (Reader, error) {
	now, digest := s.now(), digestOf(session)
	var stored []byte
	var reader, seen int64
	err := s.feed.DB().QueryRowContext(ctx, "SELECT digest, reader, seen FROM sessions WHERE digest = ? AND expires > ?", digest, now).Scan(&stored, &reader, &seen)
	if err == sql.ErrNoRows || err == nil && subtle.ConstantTimeCompare(stored, digest) != 1 {
		return Reader{}, ErrSignedOut
	}
	if err != nil {
		return Reader{}, err
	}
	r, err := s.Reader(ctx, reader)
	switch {
	case err != nil:
		return Reader{}, err
	case !r.Suspended.IsZero():
		return Reader{}, ErrSuspended
	case now-seen > time.Hour.Milliseconds(): // not at every page
		err = s.feed.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE sessions SET seen = ? WHERE digest = ?", now, digest)
			return err
		})
	}
	return r, err
}

// SignOut ends a session. One that is unknown is no error.
func (s *Store) SignOut(ctx context.Context, session string) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE digest = ?", digestOf(session))
		return err
	})
}

// Session is one browser that a reader is signed in with.
type Session struct {
	ID      string    `json:"id"` // names it, and is not its secret
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"` // to within an hour
	Expires time.Time `json:"expires"`
}

// Sessions returns where a reader is signed in, newest first.
func (s *Store) Sessions(ctx context.Context, reader int64) ([]Session, error) {
	return collect(ctx, s.feed.DB(), func(rows *sql.Rows) (v Session, err error) {
		var created, seen, expires int64
		err = rows.Scan(&v.ID, &created, &seen, &expires)
		v.Created, v.Seen, v.Expires = moment(created), moment(seen), moment(expires)
		return v, err
	}, "SELECT id, created, seen, expires FROM sessions WHERE reader = ? AND expires > ? ORDER BY created DESC, id", reader, s.now())
}

// Revoke ends a session of a reader by its ID, or all of them if that is empty.
func (s *Store) Revoke(ctx context.Context, reader int64, id string) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE reader = ?1 AND (?2 = '' OR id = ?2)", reader, id)
		return err
	})
}

// Local returns the one reader of a machine of one user, who is not signed in and may do everything. Its ID never changes.
func (s *Store) Local(ctx context.Context) (Reader, error) {
	const query = "SELECT " + readerColumns + " FROM readers WHERE local = 1"
	r, err := scanReader(s.feed.DB().QueryRowContext(ctx, query))
	if err != sql.ErrNoRows {
		return r, err
	}
	err = s.feed.Update(ctx, func(tx *sql.Tx) error {
		if r, err = scanReader(tx.QueryRowContext(ctx, query)); err != sql.ErrNoRows {
			return err
		}
		if r, err = add(ctx, tx, Address{}, s.now()); err != nil {
			return err
		}
		r.Moderator = true
		_, err = tx.ExecContext(ctx, "UPDATE readers SET moderator = 1 WHERE id = ?", r.ID)
		return err
	})
	return r, err
}

// Reader returns an account; the error of an unknown one is [ErrSignedOut].
func (s *Store) Reader(ctx context.Context, id int64) (Reader, error) {
	r, err := scanReader(s.feed.DB().QueryRowContext(ctx, "SELECT "+readerColumns+" FROM readers WHERE id = ?", id))
	if err == sql.ErrNoRows {
		err = ErrSignedOut
	}
	return r, err
}

// ByAddress returns the account with an address; the error if there is none is [ErrNotFound].
func (s *Store) ByAddress(ctx context.Context, a Address) (Reader, error) {
	r, err := scanReader(s.feed.DB().QueryRowContext(ctx, "SELECT "+readerColumns+" FROM readers WHERE address = ?", a))
	if err == sql.ErrNoRows {
		err = ErrNotFound
	}
	return r, err
}

// Rename changes the name of a reader. Names that differ in letters' case, accents or punctuation only are the same, so that nobody can
// pass for somebody else.
func (s *Store) Rename(ctx context.Context, reader int64, name string) error {
	clean, key, err := cleanName(name)
	if err != nil {
		return refuse("%v", err)
	}
	return s.act(ctx, reader, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE OR IGNORE readers SET name = ?, name_key = ? WHERE id = ?", clean, key, reader)
		if err = changed(result, err); err == ErrNotFound {
			return refuse("somebody has this name already")
		}
		return err
	})
}

// Readers returns the accounts, or only the suspended ones, oldest first.
func (s *Store) Readers(ctx context.Context, suspended bool) ([]Reader, error) {
	return collect(ctx, s.feed.DB(), func(rows *sql.Rows) (Reader, error) { return scanReader(rows) },
		"SELECT "+readerColumns+" FROM readers WHERE NOT ? OR suspended IS NOT NULL ORDER BY id", suspended)
}

// Suspend keeps an account from signing in and from acting, and ends its sessions. The local reader cannot be suspended.
func (s *Store) Suspend(ctx context.Context, reader int64, why string) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE readers SET suspended = coalesce(suspended, ?), suspended_why = ? WHERE id = ? AND local = 0", s.now(), tidy(why), reader)
		if err = changed(result, err); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM sessions WHERE reader = ?", reader)
		return err
	})
}

// Reinstate undoes [Store.Suspend].
func (s *Store) Reinstate(ctx context.Context, reader int64) error {
	return s.set(ctx, "UPDATE readers SET suspended = NULL, suspended_why = '' WHERE id = ? AND suspended IS NOT NULL", reader)
}

// SetModerator lets an account moderate, or no longer. The local reader always may.
func (s *Store) SetModerator(ctx context.Context, reader int64, may bool) error {
	return s.set(ctx, "UPDATE readers SET moderator = ?2 WHERE id = ?1 AND local = 0", reader, may)
}

func (s *Store) set(ctx context.Context, query string, args ...any) error {
	return s.feed.Update(ctx, func(tx *sql.Tx) error { return changed(tx.ExecContext(ctx, query, args...)) })
}

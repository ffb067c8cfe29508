package readers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Store keeps readers and what is theirs. It is safe for concurrent use, and several processes may have one of the same database.
type Store struct {
	feed   *feed.Store
	config Config
	limits limiters
}

// Config is what a Store needs to know. With its zero value nobody can sign in, which serves a machine of one user.
type Config struct {
	// Letter puts the letter with a sign-in token into an outbox, in the transaction that stores the token. It must not log either.
	Letter func(ctx context.Context, tx *sql.Tx, to Address, token string, until time.Time) error
	Limits Limits
	Now    func() time.Time // nil: time.Now
}

// Lives of what is handed out.
const (
	LinkLife    = 20 * time.Minute    // of a sign-in link
	SessionLife = 60 * 24 * time.Hour // of a session
)

// The errors that callers tell apart. None of them holds an address or a token.
var (
	ErrLink      = errors.New("this link has been used, has expired, or is not one of this reading room; ask for another")
	ErrSignedOut = errors.New("nobody is signed in with this session")
	ErrSuspended = errors.New("this account is suspended")
	ErrNotFound  = errors.New("the reading room has no such thing")
	ErrNotYours  = errors.New("only who wrote it, or a moderator, can do this")
	ErrTooOften  = errors.New("this was done too often")
	ErrNoMail    = errors.New("this reading room sends no mail, so nobody can sign in")
)

// A Refusal says why what a reader wrote or asked for cannot be taken, in words for the reader.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return r.Why }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// migrations are the steps of the component "readers". Times are milliseconds since 1970.
var migrations = []string{`
	CREATE TABLE readers (
		id INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT UNIQUE, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
		local INTEGER NOT NULL DEFAULT 0, moderator INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL,
		suspended INTEGER, suspended_why TEXT NOT NULL DEFAULT '');
	CREATE UNIQUE INDEX readers_local ON readers (local) WHERE local = 1;
	CREATE TABLE sign_ins (digest BLOB PRIMARY KEY, address TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER) WITHOUT ROWID;
	CREATE INDEX sign_ins_by_address ON sign_ins (address, created);
	CREATE INDEX sign_ins_by_time ON sign_ins (created);
	CREATE TABLE sessions (
		digest BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE,
		created INTEGER NOT NULL, expires INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
	CREATE INDEX sessions_by_reader ON sessions (reader);
	CREATE INDEX sessions_by_time ON sessions (expires);
	CREATE TABLE upvotes (
		reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE, paper INTEGER NOT NULL REFERENCES papers (id), at INTEGER NOT NULL,
		PRIMARY KEY (reader, paper)) WITHOUT ROWID;
	CREATE INDEX upvotes_by_paper ON upvotes (paper);
	CREATE TABLE comments (
		id INTEGER PRIMARY KEY AUTOINCREMENT, paper INTEGER NOT NULL REFERENCES papers (id), parent INTEGER REFERENCES comments (id), depth INTEGER NOT NULL,
		reader INTEGER REFERENCES readers (id) ON DELETE SET NULL, body TEXT NOT NULL, created INTEGER NOT NULL, edited INTEGER, deleted INTEGER,
		deleted_by TEXT NOT NULL DEFAULT '');
	CREATE INDEX comments_by_paper ON comments (paper, id);
	CREATE INDEX comments_by_reader ON comments (reader, id);
	CREATE TABLE reports (
		id INTEGER PRIMARY KEY AUTOINCREMENT, comment INTEGER NOT NULL REFERENCES comments (id), reader INTEGER REFERENCES readers (id) ON DELETE SET NULL,
		reason TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending', decided INTEGER, UNIQUE (comment, reader));
	CREATE INDEX reports_open ON reports (id) WHERE state = 'pending';
	CREATE INDEX reports_by_reader ON reports (reader);
	CREATE TABLE follows (
		reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE, query TEXT NOT NULL, label TEXT NOT NULL, at INTEGER NOT NULL,
		PRIMARY KEY (reader, query)) WITHOUT ROWID;
	CREATE TABLE reading_list (
		reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE, paper INTEGER NOT NULL REFERENCES papers (id), added INTEGER NOT NULL, read INTEGER,
		PRIMARY KEY (reader, paper)) WITHOUT ROWID;
	CREATE INDEX reading_list_by_paper ON reading_list (paper);
	CREATE TABLE claims (
		id INTEGER PRIMARY KEY AUTOINCREMENT, reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE, paper INTEGER NOT NULL REFERENCES papers (id),
		evidence TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending', decided INTEGER, why TEXT NOT NULL DEFAULT '', UNIQUE (reader, paper));
	CREATE INDEX claims_by_paper ON claims (paper);
	CREATE INDEX claims_open ON claims (id) WHERE state = 'pending';

	-- What is about a paper that turns out to be another one follows it there. Of two votes of one reader one remains.
	CREATE TRIGGER readers_follow AFTER UPDATE OF merged_into ON papers WHEN NEW.merged_into IS NOT NULL BEGIN
		INSERT INTO signals (paper, kind, delta, at)
			SELECT NEW.merged_into, 'upvote', -1, u.at FROM upvotes u JOIN upvotes v ON v.reader = u.reader AND v.paper = NEW.merged_into WHERE u.paper = NEW.id;
		UPDATE papers SET own_upvotes = own_upvotes -
			(SELECT count(*) FROM upvotes u JOIN upvotes v ON v.reader = u.reader AND v.paper = NEW.merged_into WHERE u.paper = NEW.id) WHERE id = NEW.merged_into;
		UPDATE OR IGNORE upvotes SET paper = NEW.merged_into WHERE paper = NEW.id;
		DELETE FROM upvotes WHERE paper = NEW.id;
		UPDATE comments SET paper = NEW.merged_into WHERE paper = NEW.id;
		UPDATE OR IGNORE reading_list SET paper = NEW.merged_into WHERE paper = NEW.id;
		DELETE FROM reading_list WHERE paper = NEW.id;
		UPDATE OR IGNORE claims SET paper = NEW.merged_into WHERE paper = NEW.id;
		DELETE FROM claims WHERE paper = NEW.id;
	END;`,
}

// Open returns the readers of a feed.
func Open(ctx context.Context, store *feed.Store, c Config) (*Store, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := store.Migrate(ctx, "readers", migrations...); err != nil {
		return nil, fmt.Errorf("opening the tables of the readers: %w", err)
	}
	return &Store{feed: store, config: c, limits: newLimiters(c.Limits, c.Now)}, nil
}

// now is the present in milliseconds.
func (s *Store) now() int64 { return s.config.Now().UnixMilli() }

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func orZero(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return moment(ms.Int64)
}

// newToken returns a secret of 130 random bits and the digest of it that is stored. A digest needs no salt: there is nothing to guess.
func newToken() (token string, digest []byte) {
	token = rand.Text()
	return token, digestOf(token)
}

func digestOf(token string) []byte {
	d := sha256.Sum256([]byte(token))
	return d[:]
}

// active is an error unless the account exists and may act.
func active(ctx context.Context, q querier, reader int64) error {
	var suspended sql.NullInt64
	switch err := q.QueryRowContext(ctx, "SELECT suspended FROM readers WHERE id = ?", reader).Scan(&suspended); {
	case err == sql.ErrNoRows:
		return ErrSignedOut
	case err != nil:
		return err
	case suspended.Valid:
		return ErrSuspended
	}
	return nil
}

// act runs write for a reader who may act, within the limit for changes.
func (s *Store) act(ctx context.Context, reader int64, write func(*sql.Tx) error) error {
	if err := s.limits.changes.Allow(key("reader", reader)); err != nil {
		return err
	}
	return s.feed.Update(ctx, func(tx *sql.Tx) error {
		if err := active(ctx, tx, reader); err != nil {
			return err
		}
		return write(tx)
	})
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// collect runs a query and scans each row.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// changed is [ErrNotFound] for a statement that found nothing to change.
func changed(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return ErrNotFound
}

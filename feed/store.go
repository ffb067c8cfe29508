package feed

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store is the database of the feed. It may be used by several goroutines, and several processes may have it open.
type Store struct {
	path    string
	db      *sql.DB
	writing chan struct{} // held by the one writer of this process, so that writers wait in line instead of polling the file's lock
	now     func() time.Time
}

// applicationID marks a database as a Gyrus feed: the bytes "GyrF".
const applicationID = 0x47797246

// migrations are the steps of the component "feed".
var migrations = []string{`
	CREATE TABLE papers (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		arxiv TEXT NOT NULL DEFAULT '', arxiv_version INTEGER NOT NULL DEFAULT 0, doi TEXT NOT NULL DEFAULT '',
		title TEXT NOT NULL, abstract TEXT NOT NULL DEFAULT '', authors TEXT NOT NULL DEFAULT '[]', author_count INTEGER NOT NULL DEFAULT 0,
		organisation TEXT NOT NULL DEFAULT '', published INTEGER, listed INTEGER NOT NULL, url TEXT NOT NULL DEFAULT '',
		upvotes INTEGER NOT NULL DEFAULT 0, comments INTEGER NOT NULL DEFAULT 0,
		own_upvotes INTEGER NOT NULL DEFAULT 0, own_comments INTEGER NOT NULL DEFAULT 0, own_runs INTEGER NOT NULL DEFAULT 0,
		slug TEXT NOT NULL DEFAULT '', family TEXT NOT NULL DEFAULT '',
		version INTEGER NOT NULL DEFAULT 1, updated INTEGER NOT NULL, authority INTEGER NOT NULL, sources TEXT NOT NULL DEFAULT '[]',
		gone TEXT NOT NULL DEFAULT '', merged_into INTEGER REFERENCES papers (id));
	CREATE INDEX papers_by_listing ON papers (listed DESC, id DESC) WHERE gone = '';
	CREATE INDEX papers_by_date ON papers (published DESC, id DESC) WHERE gone = '';
	CREATE INDEX papers_by_slug ON papers (slug) WHERE slug <> '';
	CREATE TABLE identities (
		kind TEXT NOT NULL, value TEXT NOT NULL, paper INTEGER NOT NULL REFERENCES papers (id), PRIMARY KEY (kind, value, paper)) WITHOUT ROWID;
	CREATE TABLE versions (
		paper INTEGER NOT NULL REFERENCES papers (id), version INTEGER NOT NULL, until INTEGER NOT NULL, document TEXT NOT NULL,
		PRIMARY KEY (paper, version));
	CREATE TABLE changes (
		seq INTEGER PRIMARY KEY AUTOINCREMENT, paper INTEGER NOT NULL UNIQUE REFERENCES papers (id), kind TEXT NOT NULL, into_paper INTEGER NOT NULL DEFAULT 0,
		at INTEGER NOT NULL);
	CREATE TABLE signals (
		paper INTEGER NOT NULL REFERENCES papers (id), kind TEXT NOT NULL, delta INTEGER NOT NULL, at INTEGER NOT NULL);
	CREATE INDEX signals_by_time ON signals (at, paper, kind, delta);
	CREATE INDEX signals_by_paper ON signals (paper);
	CREATE TABLE systems (
		slug TEXT PRIMARY KEY, family TEXT NOT NULL, arxiv TEXT NOT NULL, title TEXT NOT NULL);

	-- How many papers were listed on each day since 1970, so that the archive need not count them all.
	CREATE TABLE days (day INTEGER PRIMARY KEY, papers INTEGER NOT NULL);
	CREATE TRIGGER days_of_new AFTER INSERT ON papers BEGIN
		INSERT INTO days VALUES (CAST(floor(NEW.listed / 86400000.0) AS INTEGER), 1) ON CONFLICT DO UPDATE SET papers = papers + 1; END;
	CREATE TRIGGER days_of_gone AFTER UPDATE OF listed, gone ON papers
	WHEN OLD.gone = '' AND (NEW.gone <> '' OR NEW.listed <> OLD.listed) BEGIN
		UPDATE days SET papers = papers - 1 WHERE day = CAST(floor(OLD.listed / 86400000.0) AS INTEGER); END;
	CREATE TRIGGER days_of_back AFTER UPDATE OF listed, gone ON papers
	WHEN NEW.gone = '' AND (OLD.gone <> '' OR NEW.listed <> OLD.listed) BEGIN
		INSERT INTO days VALUES (CAST(floor(NEW.listed / 86400000.0) AS INTEGER), 1) ON CONFLICT DO UPDATE SET papers = papers + 1; END;`,
}

// Open opens the feed in the database at path for reading and writing, and creates the file and its folder if need be. Only the user can
// read the file, since it also holds readers' addresses.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the folder of the feed: %w", err)
	}
	if err := claim(ctx, path); err != nil {
		return nil, fmt.Errorf("opening the feed %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", dsn(path, "&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=journal_size_limit(67108864)"))
	if err != nil {
		return nil, fmt.Errorf("opening the feed %s: %w", path, err)
	}
	db.SetMaxOpenConns(16) // each keeps a cache of pages
	s := &Store{path: path, db: db, writing: make(chan struct{}, 1), now: time.Now}
	if err := s.Migrate(ctx, "feed", migrations...); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the feed %s: %w", path, err)
	}
	return s, nil
}

func dsn(path, pragmas string) string {
	return (&url.URL{Scheme: "file", Path: path,
		RawQuery: "mode=rw&_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)" + pragmas}).String()
}

// claim marks a new database as ours, and refuses one that is of something else before anything is written to it.
func claim(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	header := make([]byte, 72)
	switch _, err := io.ReadFull(file, header); {
	case err == io.EOF: // empty: new
		db, err := sql.Open("sqlite", dsn(path, ""))
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
		return err
	case err != nil && err != io.ErrUnexpectedEOF:
		return err
	case string(header[:16]) != "SQLite format 3\x00" || binary.BigEndian.Uint32(header[68:]) != applicationID:
		return errors.New("the file is not the feed of a Gyrus; name another one, or move it away")
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// DB is the database, for reading by the packages that keep tables in it. Write with [Store.Update].
func (s *Store) DB() *sql.DB { return s.db }

// Path is the file of the database.
func (s *Store) Path() string { return s.path }

// Update runs write in one transaction that holds the database's write lock from its beginning. It commits unless write returns an error
// or panics. Writers wait in line, so write must be short: no network, no large computation.
func (s *Store) Update(ctx context.Context, write func(*sql.Tx) error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := write(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Migrate brings the tables of a component to its newest form: of steps, SQL scripts of which each builds on the one before, it runs
// those that the database has not had, all in one transaction. A step that was published is never changed; a new one is appended.
func (s *Store) Migrate(ctx context.Context, component string, steps ...string) error {
	had := func(q interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}) (n int, err error) {
		err = q.QueryRowContext(ctx, "SELECT count(*) FROM migrations WHERE component = ?", component).Scan(&n)
		return n, err
	}
	if n, err := had(s.db); err == nil && n == len(steps) { // else the table may be missing: it is made below
		return nil
	}
	return s.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (
			component TEXT NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (component, step))`); err != nil {
			return err
		}
		n, err := had(tx)
		if err != nil {
			return err
		}
		if n > len(steps) {
			return fmt.Errorf("the tables of %s were written by a newer Gyrus (version %d, this one knows %d)", component, n, len(steps))
		}
		for i, step := range steps[n:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return fmt.Errorf("step %d of the tables of %s: %w", n+i+1, component, err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO migrations VALUES (?, ?, ?)", component, n+i+1, stamp(s.now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// Backup writes a whole and consistent copy of the database, readers' tables included, to a new file that only the user can read. It can
// run while others read and write. A file that exists is not overwritten.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("writing a backup: %s: %w; name a file that does not exist", path, fs.ErrExist)
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".feed-backup-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	part.Close()
	defer os.Remove(part.Name())
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", part.Name()); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	if err := os.Link(part.Name(), path); err == nil || errors.Is(err, fs.ErrExist) { // a link never replaces a file that came meanwhile
		return err
	}
	return os.Rename(part.Name(), path) // a file system without links
}

// stamp is how times are stored: milliseconds since 1970, NULL for no time.
func stamp(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func unstamp(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

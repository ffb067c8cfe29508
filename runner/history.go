package runner

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gyrus-dev/gyrus/report"
)

// Status is how a run stands.
type Status string

// The statuses of a run.
const (
	Running     Status = "running"
	Done        Status = "done"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"   // stopped by its user; can be resumed
	Interrupted Status = "interrupted" // its process ended without a word; can be resumed
)

// Entry is one run in the history.
type Entry struct {
	ID         string        `json:"id"`
	Paper      string        `json:"paper"`
	Experiment string        `json:"experiment"`
	Preset     string        `json:"preset"`
	Seed       int64         `json:"seed"`
	Seeds      int           `json:"seeds"`
	Backend    string        `json:"backend"`
	Dir        string        `json:"dir"`
	Started    time.Time     `json:"started"`
	Finished   time.Time     `json:"finished,omitzero"`
	Status     Status        `json:"status"`
	Error      string        `json:"error,omitempty"`
	Verdicts   []VerdictLine `json:"verdicts,omitempty"`
}

// VerdictLine is what a run said about one claim.
type VerdictLine struct {
	Claim  string        `json:"claim"`
	Status report.Status `json:"status"`
}

// History is the list of all runs under a home folder, in an SQLite database.
type History struct {
	path string
	db   *sql.DB // nil stands for a history without runs
}

// DefaultHome is where runs, models and downloaded data are kept unless the user says otherwise: $GYRUS_HOME, or the folder gyrus
// in the user's data folder.
func DefaultHome() (string, error) {
	if home := os.Getenv("GYRUS_HOME"); home != "" {
		return filepath.Abs(home)
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "gyrus"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for runs: %w (set GYRUS_HOME to a folder of your choice)", err)
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "gyrus"), nil
	case "windows":
		return filepath.Join(home, "AppData", "Local", "gyrus"), nil
	}
	return filepath.Join(home, ".local", "share", "gyrus"), nil
}

// migrations bring the database from version i to i+1.
var migrations = []string{`
	CREATE TABLE runs (
		id TEXT PRIMARY KEY, paper TEXT NOT NULL, experiment TEXT NOT NULL, preset TEXT NOT NULL,
		seed INTEGER NOT NULL, seeds INTEGER NOT NULL, backend TEXT NOT NULL, dir TEXT NOT NULL,
		started INTEGER NOT NULL, finished INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL, error TEXT NOT NULL DEFAULT '');
	CREATE INDEX runs_by_start ON runs (started DESC);
	CREATE TABLE verdicts (
		run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, claim TEXT NOT NULL, status TEXT NOT NULL,
		PRIMARY KEY (run, claim));`,
}

const historyFile = "history.db"

// OpenHistory opens the history of a home folder for writing, and creates both if need be.
func OpenHistory(home string) (*History, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, fmt.Errorf("creating the folder for runs: %w (set GYRUS_HOME to a folder that can be written)", err)
	}
	path := filepath.Join(home, historyFile)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644) // its error says more than the database's
	if err != nil {
		return nil, fmt.Errorf("opening the run history: %w (set GYRUS_HOME to a folder that can be written)", err)
	}
	file.Close()
	h, err := openDatabase(path, "rw")
	if err != nil {
		return nil, err
	}
	if err := h.migrate(); err != nil {
		h.Close()
		return nil, h.broken(err)
	}
	return h, nil
}

// ReadHistory opens the history of a home folder for reading. It needs no room on the disk and no right to write, and a home that does
// not exist has had no runs.
func ReadHistory(home string) (*History, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(home, historyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return &History{path: path}, nil
	} else if err != nil {
		return nil, fmt.Errorf("opening the run history: %w", err)
	}
	h, err := openDatabase(path, "ro")
	if err != nil {
		return nil, err
	}
	if version, err := h.version(); err != nil || version < len(migrations) {
		h.Close() // a crash has left something to be rolled back, or it is of an older Gyrus
		return OpenHistory(home)
	}
	return h, nil
}

// openDatabase opens a database. The rollback journal, unlike the write-ahead log, lets it be read where nothing can be written.
func openDatabase(path, mode string) (*History, error) {
	dsn := (&url.URL{Scheme: "file", Path: path,
		RawQuery: "mode=" + mode + "&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_txlock=immediate"}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the run history %s: %w", path, err)
	}
	return &History{path, db}, nil
}

// broken says what to do about a history that cannot be opened.
func (h *History) broken(err error) error {
	remedy := " (runs themselves are in their folders; move the file away to start a new history)"
	if DiskFull(err) {
		remedy = ""
	}
	return fmt.Errorf("opening the run history %s: %w%s", h.path, err, remedy)
}

// DiskFull reports whether an error means that a disk, or a user's share of it, has no room left.
func DiskFull(err error) bool {
	var database *sqlite.Error
	if errors.As(err, &database) && database.Code()&0xff == sqlite3.SQLITE_FULL {
		return true
	}
	return noSpace(err)
}

// version returns how many migrations the database has had. A version that this Gyrus does not know is an error.
func (h *History) version() (int, error) {
	var version int
	if err := h.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("it was written by a newer Gyrus (version %d, this one knows %d)", version, len(migrations))
	}
	return version, nil
}

func (h *History) migrate() error {
	if version, err := h.version(); err != nil || version == len(migrations) {
		return err
	}
	tx, err := h.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int // again: another process may have been quicker
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	for _, m := range migrations[min(version, len(migrations)):] {
		if _, err := tx.Exec(m); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", max(version, len(migrations)))); err != nil {
		return err
	}
	return tx.Commit()
}

// Close closes the database.
func (h *History) Close() error {
	if h.db == nil {
		return nil
	}
	return h.db.Close()
}

// start adds a run, or marks a known one as running again.
func (h *History) start(e Entry) error {
	_, err := h.db.Exec(`INSERT INTO runs (id, paper, experiment, preset, seed, seeds, backend, dir, started, status)
		VALUES (?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, dir = excluded.dir, finished = 0, error = ''`,
		e.ID, e.Paper, e.Experiment, e.Preset, e.Seed, e.Seeds, e.Backend, e.Dir, e.Started.UnixMilli(), Running)
	return err
}

// finish records how a run ended.
func (h *History) finish(id string, status Status, message string, verdicts []report.Verdict) error {
	tx, err := h.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("UPDATE runs SET status = ?, error = ?, finished = ? WHERE id = ?",
		status, message, time.Now().UnixMilli(), id); err != nil {
		return err
	}
	for _, v := range verdicts {
		if _, err := tx.Exec("INSERT OR REPLACE INTO verdicts (run, claim, status) VALUES (?,?,?)", id, v.Claim, v.Status); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Delete removes a run from the history. Its folder is the caller's to delete, beforehand, so that a run that is listed has one. It is
// no error if there is no such run.
func (h *History) Delete(ctx context.Context, id string) error {
	if h.db == nil {
		return nil
	}
	if _, err := h.db.ExecContext(ctx, "DELETE FROM runs WHERE id = ?", id); err != nil {
		return fmt.Errorf("removing run %s from the history: %w", id, err)
	}
	return nil
}

// Runs lists runs, newest first: all of them, or those of one paper; at most limit if limit is positive.
func (h *History) Runs(ctx context.Context, paper string, limit int) ([]Entry, error) {
	if limit <= 0 {
		limit = -1
	}
	return h.query(ctx, "WHERE ? IN ('', paper) ORDER BY started DESC, id DESC LIMIT ?", paper, limit)
}

// Find returns the run whose ID is, or uniquely begins with, the given text; "last" stands for the newest run.
func (h *History) Find(ctx context.Context, id string) (Entry, error) {
	if id == "last" {
		found, err := h.Runs(ctx, "", 1)
		if err != nil {
			return Entry{}, err
		}
		if len(found) == 0 {
			return Entry{}, errors.New("there is no run yet; start one with: gyrus run PAPER")
		}
		return found[0], nil
	}
	found, err := h.query(ctx, "WHERE id = ? OR substr(id, 1, length(?)) = ? ORDER BY id = ? DESC, started DESC LIMIT 5", id, id, id, id)
	switch {
	case err != nil:
		return Entry{}, err
	case len(found) == 0:
		return Entry{}, fmt.Errorf("no run is called %q; gyrus runs lists them", id)
	case len(found) > 1 && found[0].ID != id:
		return Entry{}, fmt.Errorf("%q is the beginning of more than one run, such as %s and %s; give more of it", id, found[0].ID, found[1].ID)
	}
	return found[0], nil
}

func (h *History) query(ctx context.Context, tail string, args ...any) ([]Entry, error) {
	if h.db == nil {
		return nil, nil
	}
	rows, err := h.db.QueryContext(ctx, `SELECT id, paper, experiment, preset, seed, seeds, backend, dir, started, finished, status, error
		FROM runs `+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the run history: %w", err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		var e Entry
		var started, finished int64
		if err := rows.Scan(&e.ID, &e.Paper, &e.Experiment, &e.Preset, &e.Seed, &e.Seeds, &e.Backend, &e.Dir,
			&started, &finished, &e.Status, &e.Error); err != nil {
			return nil, fmt.Errorf("reading the run history: %w", err)
		}
		e.Started = time.UnixMilli(started)
		if finished != 0 {
			e.Finished = time.UnixMilli(finished)
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the run history: %w", err)
	}
	for i := range entries {
		e := &entries[i]
		if e.Status == Running && !locked(e.Dir) {
			e.Status = Interrupted
		}
		if e.Verdicts, err = h.verdicts(ctx, e.ID); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func (h *History) verdicts(ctx context.Context, id string) ([]VerdictLine, error) {
	rows, err := h.db.QueryContext(ctx, "SELECT claim, status FROM verdicts WHERE run = ? ORDER BY rowid", id)
	if err != nil {
		return nil, fmt.Errorf("reading the run history: %w", err)
	}
	defer rows.Close()
	var out []VerdictLine
	for rows.Next() {
		var v VerdictLine
		if err := rows.Scan(&v.Claim, &v.Status); err != nil {
			return nil, fmt.Errorf("reading the run history: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

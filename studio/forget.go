package studio

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// forget removes a run from the history of a home folder. Its folder is deleted before, so that a run that is listed has one.
func forget(ctx context.Context, home, id string) error {
	path := filepath.Join(home, "history.db")
	if _, err := os.Stat(path); err != nil {
		return err
	}
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_txlock=immediate"}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("opening the run history: %w", err)
	}
	_, err = db.ExecContext(ctx, "DELETE FROM runs WHERE id = ?", id)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("removing run %s from the history: %w", id, err)
	}
	return nil
}

package feed

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
)

// System is a registered system of Gyrus, which makes the paper it implements runnable.
type System struct{ Slug, Family, Title, ArXiv string }

// Register tells the store which systems there are, instead of those it knew, and links the papers it has: a paper is the system with
// its arXiv ID, or else with its normalised title.
func (s *Store) Register(ctx context.Context, all ...System) error {
	want := make(map[string]System, len(all))
	for _, sys := range all {
		if id, _, ok := ParseArXiv(sys.ArXiv); ok {
			sys.ArXiv = id
		}
		want[sys.Slug] = sys
	}
	have := map[string]System{}
	known, err := systems(ctx, s.db)
	if err != nil {
		return fmt.Errorf("registering systems: %w", err)
	}
	for _, sys := range known {
		have[sys.Slug] = sys
	}
	if maps.Equal(have, want) {
		return nil
	}
	err = s.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM systems"); err != nil {
			return err
		}
		for _, sys := range want {
			if _, err := tx.ExecContext(ctx, "INSERT INTO systems VALUES (?, ?, ?, ?)", sys.Slug, sys.Family, sys.ArXiv, sys.Title); err != nil {
				return err
			}
		}
		im, err := newImporter(ctx, tx, "registry", s.now())
		if err != nil {
			return err
		}
		ids, err := im.linked(want)
		if err != nil {
			return err
		}
		for _, id := range ids {
			k, err := im.load(id)
			if err != nil {
				return err
			}
			before := k.Paper
			if _, err := im.update(k, &before); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("registering systems: %w", err)
	}
	return nil
}

// linked returns the papers that are systems, or may be now.
func (im *importer) linked(want map[string]System) ([]int64, error) {
	found := map[int64]bool{}
	collect := func(query string, args ...any) error {
		rows, err := im.query(query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found[id] = true
		}
		return rows.Err()
	}
	if err := collect("SELECT id FROM papers WHERE slug <> '' AND gone = ''"); err != nil {
		return nil, err
	}
	for _, sys := range want {
		if err := collect(`SELECT p.id FROM identities i JOIN papers p ON p.id = i.paper
			WHERE p.gone = '' AND (kind = 'title' AND value = ? OR kind = 'arxiv' AND value = ?)`, TitleKey(sys.Title), sys.ArXiv); err != nil {
			return nil, err
		}
	}
	ids := make([]int64, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	return ids, nil
}

// systems returns the registered systems by arXiv ID and by title key.
func systems(ctx context.Context, q interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}) (map[string]System, error) {
	rows, err := q.QueryContext(ctx, "SELECT slug, family, arxiv, title FROM systems")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]System{}
	for rows.Next() {
		var sys System
		if err := rows.Scan(&sys.Slug, &sys.Family, &sys.ArXiv, &sys.Title); err != nil {
			return nil, err
		}
		if sys.ArXiv != "" {
			out[sys.ArXiv] = sys
		}
		out[TitleKey(sys.Title)] = sys
	}
	return out, rows.Err()
}

package search

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// migrations are the steps of the component "search". What the tables hold follows from the papers, and is made anew where it does not fit.
var migrations = []string{`
	CREATE TABLE search_state (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL);
	CREATE TABLE search_blobs (name TEXT NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL);
	CREATE UNIQUE INDEX search_blobs_by_name ON search_blobs (name, part);`,
}

// state is what search_state says: which blobs make up the index, and how far in the changes of the feed it is.
type state struct {
	Generation int64  `json:"generation"` // grows with every change, so that a process sees that another has written
	Seq        int64  `json:"seq"`        // of the last change that the index has
	Parts      []part `json:"parts"`
	Embedder   string `json:"embedder"` // whose vectors they are; "" for the built-in model
	Words      string `json:"words"`    // the blob of the built-in model; empty if there is none
	Trained    int    `json:"trained"`  // papers it was trained on
	Since      int    `json:"since"`    // papers that came, changed or left since
}

// part is one segment of the index.
type part struct {
	Segment string `json:"segment"`
	Vectors string `json:"vectors"`
	Dead    []byte `json:"dead,omitempty"` // little-endian bitmap
	Papers  int    `json:"papers"`
}

// blobPart is the size of a piece of a blob. Pieces are written one by one, so that other writers need not wait for a whole index.
const blobPart = 4 << 20

// putBlob stores data under a new name.
func putBlob(ctx context.Context, store *feed.Store, kind string, data []byte) (name string, err error) {
	name = kind + "-" + rand.Text()
	for i := 0; i == 0 || i*blobPart < len(data); i++ {
		piece := data[i*blobPart : min(len(data), (i+1)*blobPart)]
		err := store.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO search_blobs VALUES (?, ?, ?, ?)", name, i, time.Now().Unix(), piece)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("storing the search index: %w", err)
		}
	}
	return name, nil
}

var errBlobMissing = errors.New("a part of the stored index is missing")

func getBlob(ctx context.Context, db *sql.DB, name string) ([]byte, error) {
	var size int64
	if err := db.QueryRowContext(ctx, "SELECT coalesce(sum(length(data)), 0) FROM search_blobs WHERE name = ?", name).Scan(&size); err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT part, data FROM search_blobs WHERE name = ? ORDER BY part", name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out, n := make([]byte, 0, size), 0
	for rows.Next() {
		var i int
		var piece sql.RawBytes
		if err := rows.Scan(&i, &piece); err != nil {
			return nil, err
		}
		if i != n {
			return nil, errBlobMissing
		}
		n++
		out = append(out, piece...)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errBlobMissing
	}
	return out, nil
}

// readState returns the state as it is stored; its zero value if there is none.
func readState(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (state, error) {
	var document []byte
	var s state
	switch err := q.QueryRowContext(ctx, "SELECT document FROM search_state").Scan(&document); {
	case errors.Is(err, sql.ErrNoRows):
		return s, nil
	case err != nil:
		return s, fmt.Errorf("reading the search index: %w", err)
	}
	if err := json.Unmarshal(document, &s); err != nil {
		return state{}, nil // made anew
	}
	return s, nil
}

// errOvertaken says that another process has written the index meanwhile.
var errOvertaken = errors.New("another process has written the index")

// writeState stores a state that follows from the one of generation before, and drops the blobs that no state needs. Blobs of the last hour
// stay, since another process may be about to write the state they belong to.
func writeState(ctx context.Context, store *feed.Store, s state, before int64) error {
	document, err := json.Marshal(s)
	if err != nil {
		return err
	}
	names := []string{s.Words}
	for _, p := range s.Parts {
		names = append(names, p.Segment, p.Vectors)
	}
	keep, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return store.Update(ctx, func(tx *sql.Tx) error {
		stored, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		if stored.Generation != before {
			return errOvertaken
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO search_state VALUES (1, ?)", string(document)); err != nil {
			return err
		}
		old := []string{stored.Words}
		for _, p := range stored.Parts {
			old = append(old, p.Segment, p.Vectors)
		}
		replaced, err := json.Marshal(old)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM search_blobs WHERE name NOT IN (SELECT value FROM json_each(?))
			AND (at < ? OR name IN (SELECT value FROM json_each(?)))`, string(keep), time.Now().Add(-time.Hour).Unix(), string(replaced))
		return err
	})
}

// load reads the snapshot that a state describes.
func load(ctx context.Context, db *sql.DB, st state) (*snapshot, error) {
	s := &snapshot{state: st}
	for _, p := range st.Parts {
		data, err := getBlob(ctx, db, p.Segment)
		if err != nil {
			return nil, err
		}
		segment, err := decodeSegment(data)
		if err != nil {
			return nil, err
		}
		dead := decodeBitmap(p.Dead)
		if len(dead)*64 > (len(segment.papers)+63)/64*64 {
			return nil, errBlobMissing
		}
		s.parts, s.dead = append(s.parts, segment), append(s.dead, dead)
		if p.Vectors == "" {
			continue
		}
		if data, err = getBlob(ctx, db, p.Vectors); err != nil {
			return nil, err
		}
		v, err := decodeVectors(data)
		if err != nil {
			return nil, err
		}
		if v.len() != len(segment.papers) {
			return nil, errBlobMissing
		}
		s.vectors = append(s.vectors, v)
	}
	if st.Words != "" {
		data, err := getBlob(ctx, db, st.Words)
		if err != nil {
			return nil, err
		}
		if s.words, err = decodeLatent(data); err != nil {
			return nil, err
		}
	}
	if len(s.vectors) != 0 && len(s.vectors) != len(s.parts) {
		return nil, errBlobMissing
	}
	for _, v := range s.vectors {
		if v.dim != s.vectors[0].dim || s.words != nil && v.dim != s.words.vec.dim {
			return nil, errBlobMissing
		}
	}
	return s.prepare(), nil
}

func encodeBitmap(b bitmap) []byte {
	var out []byte
	for _, w := range b {
		for shift := 0; shift < 64; shift += 8 {
			out = append(out, byte(w>>shift))
		}
	}
	return out
}

func decodeBitmap(data []byte) bitmap {
	var out bitmap
	for i, c := range data {
		if i%8 == 0 {
			out = append(out, 0)
		}
		out[i/8] |= uint64(c) << (i % 8 * 8)
	}
	return out
}

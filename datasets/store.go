package datasets

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Store is where sets lie on this machine.
type Store struct {
	Dir    string // downloads: Dir/SET/FILE
	Mirror string // a read-only folder looked at as well; may be empty
	Client *http.Client

	// Patience is how long a download may stand still before it is tried again.
	Patience time.Duration
	// Tries is how often a file is tried before Fetch gives up; each try goes on from where the last one stopped.
	Tries int
}

// NewStore returns a store with the usual patience.
func NewStore(dir, mirror string) *Store {
	return &Store{Dir: dir, Mirror: mirror, Client: http.DefaultClient, Patience: 30 * time.Second, Tries: 4}
}

// Path returns where a file lies, and whether it is there: downloaded, or in the mirror.
func (s *Store) Path(set *Set, f File) (path string, there bool) {
	if path = filepath.Join(s.Dir, set.ID, f.Name); exists(path) {
		return path, true
	}
	if s.Mirror != "" && f.Mirror != "" {
		if m := filepath.Join(s.Mirror, filepath.FromSlash(f.Mirror)); exists(m) {
			return m, true
		}
	}
	return path, false
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// ErrDigest is wrapped by the error of a file whose content is not what the catalogue says.
var ErrDigest = errors.New("checksum mismatch")

// Verify compares a file of the set on this machine with the catalogue's checksum.
// A file whose checksum the catalogue does not know passes.
func (s *Store) Verify(set *Set, f File) error {
	path, there := s.Path(set, f)
	if !there {
		return fmt.Errorf("%s of %s is not on this machine; get it with: gyrus data get %s", f.Name, set.ID, set.ID)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") && !strings.HasSuffix(f.Name, ".gz") {
		z, err := gzip.NewReader(file)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		r = z
		if f.Bytes > 0 {
			r = io.LimitReader(z, f.Bytes+1)
		}
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return checkDigest(path, f, hex.EncodeToString(h.Sum(nil)))
}

func checkDigest(path string, f File, got string) error {
	if f.SHA256 != "" && got != f.SHA256 {
		return fmt.Errorf("%s: %w: SHA-256 is %s, the catalogue has %s; delete the file and get it again, or use another mirror", path, ErrDigest, got, f.SHA256)
	}
	return nil
}

// Progress tells how far the download of a file has come; total is 0 if the server does not say.
type Progress func(f File, done, total int64)

// Fetch downloads a file of the set unless it is there, and returns its path and SHA-256. A stopped download is gone on with by the
// next call. The file appears under its name only when it is whole and its checksum is right.
func (s *Store) Fetch(ctx context.Context, set *Set, f File, progress Progress) (path, digest string, err error) {
	if set.Manual != "" {
		return "", "", fmt.Errorf("%s cannot be downloaded from here. %s", set.ID, set.Manual)
	}
	path = filepath.Join(s.Dir, set.ID, f.Name)
	if exists(path) {
		digest, err := digestOf(path)
		if err != nil {
			return "", "", err
		}
		return path, digest, checkDigest(path, f, digest)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", "", fmt.Errorf("making the data folder: %w", err)
	}
	part := path + ".part"
	for try := 1; ; try++ {
		err = s.download(ctx, f, part, progress)
		if err == nil {
			break
		}
		var fatal *fatalError
		if errors.As(err, &fatal) || ctx.Err() != nil || try >= s.Tries {
			return "", "", fmt.Errorf("getting %s from %s: %w", f.Name, f.URL, err)
		}
		select { // 1 s, 2 s, 4 s ... shortened with Patience so that tests are quick
		case <-time.After(min(time.Second<<(try-1), s.Patience)):
		case <-ctx.Done():
		}
	}
	if digest, err = digestOf(part); err != nil {
		return "", "", err
	}
	if err := checkDigest(part, f, digest); err != nil {
		os.Remove(part)
		return "", "", fmt.Errorf("getting %s from %s: %w", f.Name, f.URL, err)
	}
	return path, digest, os.Rename(part, path)
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fatalError is a failure that trying again cannot mend.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// largest bounds a file whose size the catalogue does not know.
const largest = 64 << 30

// download appends to part what it lacks.
func (s *Store) download(ctx context.Context, f File, part string, progress Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(s.Patience, func() { cancel(fmt.Errorf("nothing came for %s", s.Patience)) })
	defer stalled.Stop()

	file, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return &fatalError{err}
	}
	defer file.Close()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return &fatalError{err}
	}
	if f.Bytes > 0 && have == f.Bytes {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return &fatalError{err}
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && have > 0:
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		// The server starts over, or does not have that much: what is here is not the beginning of what it has.
		if have > 0 {
			if err := file.Truncate(0); err != nil {
				return &fatalError{err}
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return &fatalError{err}
			}
			have = 0
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the server answered %s", resp.Status)
		}
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("the server answered %s", resp.Status)
	default:
		return &fatalError{fmt.Errorf("the server answered %s", resp.Status)}
	}
	total := f.Bytes
	if total == 0 && resp.ContentLength >= 0 {
		total = have + resp.ContentLength
	}
	limit := total
	if limit == 0 {
		limit = largest
	}
	buf := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			stalled.Reset(s.Patience)
			if have+int64(n) > limit {
				file.Truncate(0)
				return &fatalError{fmt.Errorf("the server sends more than the %d bytes expected", limit)}
			}
			if _, err := file.Write(buf[:n]); err != nil {
				return &fatalError{fmt.Errorf("writing %s: %w", part, err)}
			}
			have += int64(n)
			if progress != nil {
				progress(f, have, total)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
	if total > 0 && have != total {
		return fmt.Errorf("the connection ended after %d of %d bytes", have, total)
	}
	if err := file.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return &fatalError{err}
	}
	return nil
}

// cause prefers the reason a context was cancelled to the error that followed from it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

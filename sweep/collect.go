package sweep

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go/jetstream"
)

// files names the object store in which workers leave run directories for the coordinator.
func files(id string) string { return "gyrus-files-" + id }

// mostCollected bounds what a run directory unpacks to, so that a broken archive cannot fill the disk.
const mostCollected = 16 << 30

// send leaves a run directory in the queue.
func (w *worker) send(ctx context.Context, s *served, job, dir string) error {
	store, err := w.q.js.ObjectStore(ctx, files(s.ID))
	if err != nil {
		return err
	}
	r, out := io.Pipe()
	go func() { out.CloseWithError(pack(out, dir)) }()
	_, err = store.Put(ctx, jetstream.ObjectMeta{Name: job}, r)
	r.CloseWithError(err)
	return err
}

// fetch unpacks a run directory that a worker has sent, unless it is there.
func (q *queue) fetch(ctx context.Context, id, job, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		return nil
	}
	store, err := q.js.ObjectStore(ctx, files(id))
	if err != nil {
		return err
	}
	object, err := store.Get(ctx, job)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("the run directory of job %s was not sent", job)
	} else if err != nil {
		return err
	}
	defer object.Close()
	temp := dir + ".partial"
	os.RemoveAll(temp)
	if err := unpack(object, temp); err != nil {
		return fmt.Errorf("unpacking the run directory of job %s: %w", job, err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return store.Delete(ctx, job)
}

// pack writes the files of a folder as a compressed archive.
func pack(w io.Writer, dir string) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	if err := t.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	return errors.Join(t.Close(), z.Close())
}

// unpack reads what pack wrote. Names that lead out of the folder are refused by its root.
func unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	room := int64(mostCollected)
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case h.Typeflag == tar.TypeDir:
			if err := root.MkdirAll(filepath.FromSlash(h.Name), 0o755); err != nil {
				return err
			}
			continue
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%q is neither a file nor a folder", h.Name)
		}
		if room -= h.Size; room < 0 {
			return fmt.Errorf("it unpacks to more than %d GiB", mostCollected>>30)
		}
		if err := root.MkdirAll(filepath.Dir(filepath.FromSlash(h.Name)), 0o755); err != nil {
			return err
		}
		f, err := root.Create(filepath.FromSlash(h.Name))
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, t); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}

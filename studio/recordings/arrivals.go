package recordings

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// An upload is a folder of its own among the uploads, so that the files of one recording find each other and no other. While it arrives it is hidden.

const (
	arriving    = ".arriving-"
	abandoned   = 6 * time.Hour // after which what did not arrive whole is removed
	maxFiles    = 3000          // of one upload
	maxFolders  = 8             // in each other
	maxArrivals = 16            // at once
)

// forgetArriving removes what began to arrive long ago.
func (x *Section) forgetArriving() {
	old, _ := filepath.Glob(filepath.Join(x.uploads.Path, arriving+"*"))
	for _, dir := range old {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandoned {
			os.RemoveAll(dir)
		}
	}
}

// beginArrival makes the folder of an upload.
func (x *Section) beginArrival(w http.ResponseWriter, _ *http.Request) error {
	dir, err := x.newArrival()
	if err != nil {
		return err
	}
	return studio.WriteJSON(w, http.StatusCreated, map[string]string{"arrival": strings.TrimPrefix(filepath.Base(dir), arriving)})
}

func (x *Section) newArrival() (string, error) {
	x.forgetArriving()
	if old, _ := filepath.Glob(filepath.Join(x.uploads.Path, arriving+"*")); len(old) >= maxArrivals {
		return "", studio.Refuse(http.StatusServiceUnavailable, "Too many uploads are under way. Try again when some have ended.")
	}
	if sizeOf(x.uploads.Path) >= x.config.Kept {
		return "", studio.Refuse(http.StatusInsufficientStorage, "The uploads take all the space this server gives them. Delete some recordings first.")
	}
	dir := filepath.Join(x.uploads.Path, arriving+strings.ToLower(rand.Text()[:16]))
	return dir, os.Mkdir(dir, 0o700)
}

var arrivalForm = regexp.MustCompile(`^[a-z0-9]{16}$`)

// arrival is the folder of an upload that is under way.
func (x *Section) arrival(r *http.Request) (string, error) {
	id := r.PathValue("arrival")
	if !arrivalForm.MatchString(id) {
		return "", fs.ErrNotExist
	}
	dir := filepath.Join(x.uploads.Path, arriving+id)
	if _, err := os.Stat(dir); err != nil {
		return "", studio.Refuse(http.StatusNotFound, "This upload has ended, or was given up. Begin anew.")
	}
	return dir, nil
}

// receiveFile takes one file of an upload: the body, with its name in the query, and the folder it was in.
func (x *Section) receiveFile(w http.ResponseWriter, r *http.Request) error {
	dir, err := x.arrival(r)
	if err != nil {
		return err
	}
	if err := x.take(r, dir, r.URL.Query().Get("dir"), r.URL.Query().Get("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// take stores the body of a request as a file of an upload.
func (x *Section) take(r *http.Request, dir, folder, name string) error {
	got, err := x.server.Receive(r, dir)
	if err != nil {
		return err
	}
	files := 0
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
		}
		return nil
	})
	switch {
	case files > maxFiles:
		os.RemoveAll(dir)
		return studio.Refuse(http.StatusRequestEntityTooLarge, "An upload may have at most %d files.", maxFiles)
	case sizeOf(dir) > x.config.Upload:
		os.RemoveAll(dir)
		return studio.Refuse(http.StatusRequestEntityTooLarge, "An upload may have at most %d MB.", x.config.Upload>>20)
	}
	// The parts of a recording name each other, so that they keep the names they had, if those are harmless.
	into := "."
	if folder != "" {
		parts := strings.Split(strings.Trim(folder, "/"), "/")
		if len(parts) > maxFolders {
			return studio.Refuse(http.StatusBadRequest, "The folders lie too deep in each other.")
		}
		for i, p := range parts {
			parts[i] = keptName(p)
		}
		into = path.Join(parts...)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	to := filepath.FromSlash(path.Join(into, keptName(name)))
	if to == got.Name {
		return nil
	}
	if err := root.MkdirAll(filepath.FromSlash(into), 0o700); err != nil {
		return studio.Refuse(http.StatusBadRequest, "The folder %s is a file, too.", into)
	}
	if _, err := root.Lstat(to); err == nil {
		return studio.Refuse(http.StatusConflict, "The file %s is there already.", to)
	}
	return root.Rename(got.Name, to)
}

// keptName is a file's name as the browser says it, or one made safe if that could be misread.
func keptName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 120 || strings.HasPrefix(name, ".") || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, func(r rune) bool { return strings.ContainsRune(`:*?"<>|`, r) || !unicode.IsPrint(r) }) {
		return studio.SafeName(name)
	}
	return name
}

// endArrival looks at what has arrived and says where to go on.
func (x *Section) endArrival(w http.ResponseWriter, r *http.Request) error {
	dir, err := x.arrival(r)
	if err != nil {
		return err
	}
	place, err := x.settle(r.Context(), dir)
	if err != nil {
		return err
	}
	return studio.WriteJSON(w, http.StatusOK, map[string]string{"href": place})
}

// settle has a process unpack and look through an upload, gives its folder a name, and returns the page to go to.
func (x *Section) settle(ctx context.Context, dir string) (place string, err error) {
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	a, err := x.survey(ctx, dir)
	if err != nil {
		return "", err
	}
	if len(a.Recordings) == 0 {
		return "", studio.Refuse(http.StatusUnprocessableEntity, "No recording was found in what was sent. A recording of several files needs all of them at once, such as .vhdr, .eeg and .vmrk, or .set and .fdt.")
	}
	first := a.Recordings[0]
	stem, _, _ := strings.Cut(path.Base(first.Path), ".")
	stem = studio.SafeName(stem)
	for k := 1; k < 10_000; k++ {
		name := stem
		if k > 1 {
			name = fmt.Sprintf("%s-%d", stem, k)
		}
		to := filepath.Join(x.uploads.Path, name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(dir, to); err != nil {
			if errors.Is(err, fs.ErrExist) {
				continue
			}
			return "", err
		}
		signals := 0
		for _, e := range a.Recordings {
			if e.Signal {
				signals++
			}
		}
		ref := path.Join(x.uploads.Name, name)
		if len(a.Recordings) == 1 || signals == 1 && first.Signal {
			return openPath(path.Join(ref, first.Path)), nil
		}
		return folderPath(ref), nil
	}
	return "", errors.New("every name for the upload is taken")
}

// survey has a process look through a folder.
func (x *Section) survey(ctx context.Context, dir string) (*reader.Arrived, error) {
	limit := x.deadline(sizeOf(dir))
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := reader.Start(ctx, x.config.Reader, reader.Task{Kind: reader.Arrive, Dir: dir, Memory: x.config.Memory, Unpacked: x.config.Upload, Readable: []string{}})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var a reader.Arrived
	for {
		m, err := p.Next()
		switch {
		case err == io.EOF:
			return &a, nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, studio.Refuse(http.StatusUnprocessableEntity, "Looking through the upload did not end within %v, and was stopped.", limit.Round(time.Second))
		case err != nil:
			var own *reader.Error
			if !errors.As(err, &own) {
				return nil, err
			}
			if !own.Refused {
				x.server.Log().Error("an upload could not be looked through", "error", own.Text, "log", own.Log)
			}
			return nil, studio.Refuse(http.StatusUnprocessableEntity, "%s", sentence(upper(own.Text)))
		}
		if m.Kind == reader.Found {
			if err := json.Unmarshal(m.Body, &a); err != nil {
				return nil, err
			}
		}
	}
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// receiveForm takes a whole upload as a form, from browsers without scripts: the field csrf and then files.
func (x *Section) receiveForm(w http.ResponseWriter, r *http.Request) (err error) {
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" || parameters["boundary"] == "" {
		return studio.Refuse(http.StatusBadRequest, "The form could not be read.")
	}
	form, err := r.MultipartReader()
	if err != nil {
		return studio.Refuse(http.StatusBadRequest, "The form could not be read.")
	}
	dir, err := x.newArrival()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	token, files := "", 0
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		} else if err != nil {
			var big *http.MaxBytesError
			if errors.As(err, &big) {
				return err
			}
			return studio.Refuse(http.StatusBadRequest, "The files did not arrive whole.")
		}
		switch {
		case part.FormName() == "csrf":
			value, err := io.ReadAll(io.LimitReader(part, 4096))
			if err != nil {
				return studio.Refuse(http.StatusBadRequest, "The form could not be read.")
			}
			token = string(value)
		case part.FileName() != "":
			// Each file passes the checks of an upload of its own.
			one := r.Clone(r.Context())
			one.Body, one.ContentLength = part, -1
			one.Header.Set("Content-Type", "application/octet-stream")
			one.Header.Set("X-CSRF-Token", token)
			one.URL = &url.URL{Path: r.URL.Path, RawQuery: url.Values{"name": {part.FileName()}}.Encode()}
			if err := x.take(one, dir, "", part.FileName()); err != nil {
				return err
			}
			files++
		}
	}
	if files == 0 {
		return studio.Refuse(http.StatusBadRequest, "Choose a file first.")
	}
	place, err := x.settle(r.Context(), dir)
	if err != nil {
		return err
	}
	http.Redirect(w, r, place, http.StatusSeeOther)
	return nil
}

// sizeOf adds up the files in a folder.
func sizeOf(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

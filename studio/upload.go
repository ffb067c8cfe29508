package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// upload marks a request whose CSRF token has not been checked yet, since it may stand in the body.
type upload struct{ checked bool }

func withUpload(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), uploadKey, &upload{}))
}

// Received is a file that a browser has sent.
type Received struct {
	Path   string // where it was put
	Name   string // what the browser called it, made safe
	Bytes  int64
	Fields url.Values // the form's other fields that came before the file
}

// Receive stores the file of an [Upload] route in a folder, which must be the server's own, and never holds more of it in memory than a
// buffer. It takes a form (multipart/form-data, in which the field csrf stands before the file), or the bare file as the body with its name
// in the query parameter "name" and the CSRF token in the header X-CSRF-Token. What is sent beyond the route's limit is refused, and
// nothing of it stays.
func (s *Server) Receive(r *http.Request, dir string) (*Received, error) {
	u, ok := r.Context().Value(uploadKey).(*upload)
	if !ok {
		return nil, errors.New("studio: Receive is for Upload routes")
	}
	if err := s.checkOrigin(r); err != nil {
		return nil, err
	}
	if token := r.Header.Get("X-CSRF-Token"); token != "" {
		if err := s.checkCSRF(r, token); err != nil {
			return nil, err
		}
		u.checked = true
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		if !u.checked {
			return nil, s.checkCSRF(r, "")
		}
		return store(r.Body, dir, r.URL.Query().Get("name"), url.Values{})
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "The form could not be read.")
	}
	fields := url.Values{}
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if err == io.EOF || n > 100 {
			return nil, Refuse(http.StatusBadRequest, "The form holds no file.")
		} else if err != nil {
			return nil, readProblem(err)
		}
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			value, err := io.ReadAll(io.LimitReader(part, 64<<10))
			if err != nil {
				return nil, readProblem(err)
			}
			fields.Add(part.FormName(), string(value))
			continue
		}
		if !u.checked {
			if err := s.checkCSRF(r, fields.Get("csrf")); err != nil {
				return nil, err
			}
			u.checked = true
		}
		if part.FileName() == "" {
			return nil, Refuse(http.StatusBadRequest, "Choose a file first.")
		}
		return store(part, dir, part.FileName(), fields)
	}
}

func store(from io.Reader, dir, name string, fields url.Values) (_ *Received, err error) {
	name = SafeName(name)
	f, err := os.CreateTemp(dir, ".arriving-*")
	if err != nil {
		return nil, fmt.Errorf("storing an upload: %w", err)
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // gone already when it was renamed
	}()
	n, err := io.Copy(f, from)
	if err != nil {
		return nil, readProblem(err)
	}
	if n == 0 {
		return nil, Refuse(http.StatusBadRequest, "The file is empty.")
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("storing an upload: %w", err)
	}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for k := 1; k < 10_000; k++ {
		path := filepath.Join(dir, name)
		if k > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", stem, k, ext))
		}
		if err = os.Link(f.Name(), path); err == nil { // unlike a rename it never replaces
			return &Received{Path: path, Name: filepath.Base(path), Bytes: n, Fields: fields}, nil
		} else if !errors.Is(err, os.ErrExist) {
			break
		}
	}
	return nil, fmt.Errorf("storing an upload: %w", err)
}

func readProblem(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return err
	}
	var disk *os.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("storing an upload: %w", err)
	}
	return Refuse(http.StatusBadRequest, "The file did not arrive whole.")
}

// SafeName makes a file name of what a browser says: its last part, of letters, digits and few signs, never hidden, at most 100 characters.
func SafeName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.+=@", r) {
			return r
		}
		return '-'
	}, strings.ToValidUTF8(name, "-"))
	name = strings.TrimLeft(name, ".-")
	if name == "" {
		return "file-" + time.Now().Format("20060102-150405")
	}
	if r := []rune(name); len(r) > 100 { // the ending says what the file is, so the cut is before it
		ext := []rune(filepath.Ext(name))
		if len(ext) > 20 {
			ext = ext[:20]
		}
		name = string(r[:100-len(ext)]) + string(ext)
	}
	return name
}

package datasets

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func content(n int) ([]byte, string) {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

func newTestStore(t *testing.T) *Store {
	s := NewStore(t.TempDir(), "")
	s.Patience = 200 * time.Millisecond
	return s
}

func TestFetch(t *testing.T) {
	data, digest := content(300_000)
	serve := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(data))
	}
	for _, tc := range []struct {
		name   string
		serve  func(n int, w http.ResponseWriter, r *http.Request) // n counts requests from 1
		digest string
		says   string // in the error; empty if the fetch succeeds
		asked  int    // requests the server sees
	}{
		{"whole", func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r) }, digest, "", 1},
		{"unknown checksum", func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r) }, "", "", 1},
		{"cut and gone on with", func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				w.Write(data[:100_000])
				return
			}
			if got := r.Header.Get("Range"); got != "bytes=100000-" {
				t.Errorf("the second request asks for range %q", got)
			}
			serve(w, r)
		}, digest, "", 2},
		{"range ignored", func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				w.Write(data[:100_000])
				return
			}
			w.Write(data)
		}, digest, "", 2},
		{"busy at first", func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 3 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			serve(w, r)
		}, digest, "", 3},
		{"stalls once", func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			serve(w, r)
		}, digest, "", 2},
		{"missing", func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, digest, "404", 1},
		{"always busy", func(_ int, w http.ResponseWriter, r *http.Request) { http.Error(w, "", http.StatusServiceUnavailable) }, digest, "503", 4},
		{"other content", func(_ int, w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, len(data))) }, digest, "checksum", 1},
		{"endless", func(_ int, w http.ResponseWriter, r *http.Request) {
			for range 100 {
				w.Write(data)
			}
		}, digest, "more than", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tc.serve(int(asked.Add(1)), w, r) }))
			defer server.Close()
			s := newTestStore(t)
			f := File{Name: "f.bin", URL: server.URL, SHA256: tc.digest, Bytes: int64(len(data))}
			set := &Set{ID: "set", Files: []File{f}}
			last := int64(0)
			path, got, err := s.Fetch(t.Context(), set, f, func(_ File, done, _ int64) { last = done })
			if int(asked.Load()) != tc.asked {
				t.Errorf("the server was asked %d times, want %d", asked.Load(), tc.asked)
			}
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "f.bin") {
					t.Fatalf("got %v, want an error that names the file and says %q", err, tc.says)
				}
				if _, there := s.Path(set, f); there {
					t.Error("a bad file was kept under its name")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if stored, err := os.ReadFile(path); err != nil || !bytes.Equal(stored, data) || got != digest || last != int64(len(data)) {
				t.Errorf("stored %d bytes, digest %.8s, progress to %d: %v", len(stored), got, last, err)
			}
			server.Close() // the second fetch needs no server
			if _, _, err := s.Fetch(t.Context(), set, f, nil); err != nil {
				t.Errorf("a file that is there is fetched again: %v", err)
			}
		})
	}
}

func TestFetchStops(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	s := newTestStore(t)
	s.Patience = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	f := File{Name: "f", URL: server.URL}
	if _, _, err := s.Fetch(ctx, &Set{ID: "set"}, f, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stopped fetch gave %v", err)
	}
}

func TestMirror(t *testing.T) {
	data, digest := content(10_000)
	s := newTestStore(t)
	s.Mirror = t.TempDir()
	plain := File{Name: "a.csv", SHA256: digest, Bytes: int64(len(data)), Mirror: "sub/a.csv"}
	packed := File{Name: "b.csv", SHA256: digest, Bytes: int64(len(data)), Mirror: "sub/b.csv.gz"}
	wrong := File{Name: "c.csv", SHA256: digest, Mirror: "sub/c.csv"}
	os.MkdirAll(filepath.Join(s.Mirror, "sub"), 0o755)
	os.WriteFile(filepath.Join(s.Mirror, "sub", "a.csv"), data, 0o644)
	os.WriteFile(filepath.Join(s.Mirror, "sub", "c.csv"), data[1:], 0o644)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(data)
	w.Close()
	os.WriteFile(filepath.Join(s.Mirror, "sub", "b.csv.gz"), z.Bytes(), 0o644)
	set := &Set{ID: "set"}
	for _, f := range []File{plain, packed} {
		if err := s.Verify(set, f); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := s.Verify(set, wrong); !errors.Is(err, ErrDigest) {
		t.Errorf("a changed file gave %v", err)
	}
	if err := s.Verify(set, File{Name: "d"}); err == nil || !strings.Contains(err.Error(), "gyrus data get") {
		t.Errorf("a missing file gave %v", err)
	}
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if seen[s.ID] || s.Title == "" || s.Says == "" || s.Licence == "" || s.Cite == "" || len(s.Papers) == 0 {
			t.Errorf("set %q is listed twice or lacks a field", s.ID)
		}
		seen[s.ID] = true
		for _, f := range s.Files {
			if (f.URL == "") != (s.Manual != "") || f.Name != filepath.Base(f.Name) || f.SHA256 != "" && len(f.SHA256) != 64 {
				t.Errorf("%s: file %+v is inconsistent", s.ID, f)
			}
		}
	}
	if _, err := Get("nonsense"); err == nil || !strings.Contains(err.Error(), "nyc-taxi") {
		t.Errorf("an unknown set gave %v", err)
	}
}

// TestMirrorOfRealData checks the catalogue's sizes and checksums against real files where a mirror is given.
func TestMirrorOfRealData(t *testing.T) {
	mirror := os.Getenv("GYRUS_DATA")
	if mirror == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	s := NewStore(t.TempDir(), mirror)
	for _, set := range All() {
		for _, f := range set.Files {
			if f.Mirror == "" {
				continue
			}
			if err := s.Verify(&set, f); err != nil {
				t.Error(err)
			}
		}
	}
}

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// shared is output that is read while it is written.
type shared struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestServe(t *testing.T) {
	home := t.TempDir()
	token := filepath.Join(home, "token")
	os.WriteFile(token, []byte("a-token-that-is-long-enough\n"), 0o600)
	t.Setenv("GYRUS_TOKEN", "")
	var out, errs shared
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	root := rootCommand()
	root.SetArgs([]string{"--home", home, "serve", "--listen", "127.0.0.1:0", "--token-file", token, "--data", t.TempDir(), "--verbose"})
	root.SetOut(&out)
	root.SetErr(&errs)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	address := ""
	for end := time.Now().Add(20 * time.Second); address == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		address = regexp.MustCompile(`http://[^\s]+`).FindString(out.String())
	}
	if address == "" {
		t.Fatalf("it says %q, %q", out.String(), errs.String())
	}
	get := func(path, bearer string) (int, string) {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(address, "/")+path, nil)
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	for path, says := range map[string]string{"/papers": "LangevinFlow", "/": "Gyrus", "/board": "The board"} {
		if status, body := get(path, "a-token-that-is-long-enough"); status != 200 || !strings.Contains(body, says) {
			t.Errorf("%s gives %d\n%.500s", path, status, body)
		}
	}
	if status, _ := get("/papers", ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	if strings.Contains(errs.String(), "a-token") {
		t.Errorf("the log holds the token:\n%s", errs.String())
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
}

func TestServeRefuses(t *testing.T) {
	home := t.TempDir()
	t.Setenv("GYRUS_TOKEN", "")
	empty := filepath.Join(home, "empty")
	os.WriteFile(empty, nil, 0o600)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"beyond loopback":  {[]string{"--listen", ":0"}, "give a token"},
		"an empty token":   {[]string{"--token-file", empty}, "empty"},
		"no token file":    {[]string{"--token-file", filepath.Join(home, "none")}, "reading the token"},
		"no data folder":   {[]string{"--data", filepath.Join(home, "none")}, "data folder"},
		"half of TLS":      {[]string{"--cert", empty}, "both"},
		"no address":       {[]string{"--listen", "7433"}, "host:port"},
		"an argument":      {[]string{"now"}, "serve"},
		"an occupied port": {[]string{"--listen", "127.0.0.1:1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "an occupied port" && os.Getuid() == 0 {
				t.Skip("root may listen at any port")
			}
			_, errs, status := gyrus(t, home, append([]string{"serve"}, tc.args...)...)
			if status != 2 || !strings.Contains(errs, tc.says) {
				t.Errorf("status %d, %q", status, errs)
			}
		})
	}
}

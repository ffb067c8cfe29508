package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/feed"
)

// gyrusFeed runs gyrus feed in this process.
func gyrusFeed(t *testing.T, home string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := (&app{home: home}).feedCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(err.Error())
	}
	return out.String(), errs.String(), exitStatus(err)
}

const refs = `@article{a, title = {Langevin flows for modeling neural latent dynamics}, author = {Blue, Ada}, year = 2025, month = jul, day = 15}
@article{b, title = {Waves in Networks}, doi = {10.1000/waves}, year = 2026, month = 4, day = 20, abstract = {Of waves.}}
@article{c, year = 2020}`

func TestFeed(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	bib := filepath.Join(dir, "refs.bib")
	if err := os.WriteFile(bib, []byte(refs), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args   string
		status int
		want   []string // parts of what is printed
	}{
		{"list", 0, []string{"The feed is empty"}},
		{"import " + bib, 0, []string{"refs.bib: 2 added, 1 refused", `line 3: entry "c" has no title`}},
		{"import " + bib, 0, []string{"2 unchanged, 1 refused"}},
		{"list", 0, []string{"langevinflow", "Waves in Networks", "2026-04-20"}},
		{"list --runnable --limit 1", 0, []string{"langevinflow"}},
		{"list --family recurrent", 0, []string{"No paper is like that."}},
		{"list --family none", 2, []string{"no family is called"}},
		{"list --listed 2026-W17", 0, []string{"Waves in Networks"}},
		{"list --listed tomorrow", 2, []string{"neither a day"}},
		{"list -n 1 --page 2", 0, []string{"2 to 2 of 2 papers"}},
		{"show langevinflow", 0, []string{"Ada Blue", "gyrus run langevinflow (family populations)", "from:      bibtex"}},
		{"show 10.1000/waves", 0, []string{"Of waves.", "https://doi.org/10.1000/waves"}},
		{"show 99", 2, []string{"paper 99: the feed has no such paper"}},
		{"archive", 0, []string{"2026-04  1\n2025-07  1\n"}},
		{"archive --by year", 2, []string{"no period is called"}},
		{"trending", 0, []string{"Nothing has happened in the last week."}},
		{"trending --window year", 2, []string{"no window"}},
		{"pull --source gyrus", 0, []string{"systems of this Gyrus: ", "1 updated"}},
		{"pull --source nonsense", 2, []string{"no source is called"}},
		{"pull --host arxiv=nonsense", 2, []string{"--host arxiv=nonsense"}},
		{"import nonsense", 2, []string{"no file, no arXiv ID and no DOI"}},
		{"import " + dir, 2, []string{"found a folder"}},
		{"remove 2", 2, []string{"--reason"}},
		{"remove 2 --reason duplicate", 0, []string{"Removed 2, Waves in Networks"}},
		{"show 2", 2, []string{"no such paper"}},
		{"restore 2", 0, []string{"Restored 2, Waves in Networks"}},
		{"restore 2", 2, []string{"no such paper"}},
		{"backup " + filepath.Join(dir, "copy.db"), 0, []string{"copy.db: "}},
		{"backup " + filepath.Join(dir, "copy.db"), 2, []string{"does not exist"}},
		{"lst", 2, []string{"no verb"}},
	} {
		out, errs, status := gyrusFeed(t, home, strings.Fields(step.args)...)
		for _, want := range step.want {
			if status != step.status || !strings.Contains(out+errs, want) {
				t.Errorf("feed %s: status %d, want %d and %q\n%s%s", step.args, status, step.status, want, out, errs)
			}
		}
	}
	out, _, _ := gyrusFeed(t, home, "list", "--json", "--by-date")
	var list []feed.Paper
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) < 3 || list[0].DOI != "10.1000/waves" {
		t.Errorf("list --json gave %s (%v)", out, err)
	}
}

// One source down, one up: what came is kept and printed, and the exit status tells.
func TestFeedPull(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/daily_papers":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `[{"paper":{"id":"2604.00001","title":"Of the day","upvotes":4},"numComments":1}]`)
		case "/api/query":
			if r.URL.Query().Get("id_list") == "" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/atom+xml")
			fmt.Fprint(w, `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2604.00002v1</id><published>2026-04-02T00:00:00Z</published>
				<title>By its ID</title></entry></feed>`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	home := t.TempDir()
	hosts := []string{"--host", "arxiv=" + server.URL, "--host", "huggingface=" + server.URL}
	out, errs, status := gyrusFeed(t, home, append([]string{"pull"}, hosts...)...)
	if status != 1 || !strings.Contains(out, "newest 200: failed") || !strings.Contains(out, "Hugging Face daily papers: 1 added") || !strings.Contains(errs, "404 Not Found") {
		t.Errorf("status %d\n%s\n%s", status, out, errs)
	}
	out, errs, status = gyrusFeed(t, home, append([]string{"import", "arXiv:2604.00002v1", "--json"}, hosts...)...)
	var lines []resultLine
	if err := json.Unmarshal([]byte(out), &lines); err != nil || status != 0 || len(lines) != 1 || lines[0].Summary.Added != 1 {
		t.Errorf("status %d, %v\n%s\n%s", status, err, out, errs)
	}
	if out, _, status := gyrusFeed(t, home, "trending", "--json"); status != 0 || !strings.Contains(out, `"Of the day"`) || !strings.Contains(out, `"score"`) {
		t.Errorf("trending gave %s", out)
	}
}

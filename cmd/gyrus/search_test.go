package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gyrusSearch runs gyrus search in this process.
func gyrusSearch(t *testing.T, home string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := (&app{home: home}).searchCommand()
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

const found = `@article{a, title = {Langevin flows for modeling neural latent dynamics}, author = {Blue, Ada}, year = 2025, month = jul, day = 15,
	abstract = {Latent dynamics of populations of neurons follow Langevin equations, which a flow learns from spikes.}}
@article{b, title = {Waves in Networks}, year = 2026, month = 4, day = 20, abstract = {Waves travel through networks of neurons and carry spikes of populations.}}
@article{c, title = {Cooking rice}, year = 2020, abstract = {Rice is cooked in water until the water is gone, then left to steam with the lid on.}}
@article{d, title = {Steaming vegetables}, year = 2021, abstract = {Vegetables are steamed over water with the lid on, unlike rice.}}`

func TestSearch(t *testing.T) {
	home, bib := t.TempDir(), filepath.Join(t.TempDir(), "found.bib")
	if err := os.WriteFile(bib, []byte(found), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := gyrusSearch(t, home, "waves"); status != 0 {
		t.Fatal("an empty feed: ", errs)
	}
	if _, errs, status := gyrusFeed(t, home, "import", bib); status != 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   []string
		not    string
	}{
		{[]string{"travelling", "waves"}, 0, []string{"  1. Waves in Networks", "2026-04-20", "Waves travel through networks"}, ""},
		{[]string{"is:runnable", "spikes"}, 0, []string{"runs as langevinflow"}, "Waves in Networks"},
		{[]string{"family:populations"}, 0, []string{"runs as langevinflow"}, "Waves in Networks"},
		{[]string{"vegetabels"}, 0, []string{`No paper has "vegetabels"; searched for "vegetables"`, "Steaming vegetables"}, "Waves"},
		{[]string{"author:blue"}, 0, []string{"Langevin"}, "Waves"},
		{[]string{"after:soon", "rice"}, 0, []string{"after:soon is no date", "Cooking rice"}, ""},
		{[]string{"-n", "1", "--page", "2", "rice"}, 0, []string{"  2. Steaming"}, "Cooking"},
		{[]string{"--like", "langevinflow"}, 0, []string{"  1. Waves in Networks"}, "Langevin"},
		{[]string{"--like", "99"}, 2, []string{"no such paper"}, ""},
		{[]string{"xyzzy"}, 0, []string{"No paper is like that."}, ""},
		{nil, 2, []string{"say what to search for"}, ""},
		{[]string{"--by", "magic", "x"}, 2, []string{"both, words and meaning"}, ""},
		{[]string{"-n", "0", "x"}, 2, []string{"count from 1"}, ""},
		{[]string{"--bench"}, 2, []string{"papers have an abstract; 10 are the least"}, ""},
		{[]string{"--bench", "x"}, 2, []string{"leave the query out"}, ""},
		{[]string{"--model", home, "x"}, 2, []string{"vocab.txt"}, ""},
	} {
		out, errs, status := gyrusSearch(t, home, c.args...)
		if status != c.status || c.not != "" && strings.Contains(out, c.not) {
			t.Errorf("gyrus search %q: status %d\n%s%s", c.args, status, out, errs)
		}
		for _, want := range c.want {
			if !strings.Contains(out+errs, want) {
				t.Errorf("gyrus search %q: no %q in\n%s%s", c.args, want, out, errs)
			}
		}
	}
	out, _, _ := gyrusSearch(t, home, "--json", "rice")
	var lines []foundLine
	if err := json.Unmarshal([]byte(out), &lines); err != nil || len(lines) < 2 || lines[0].Title != "Cooking rice" || lines[0].Words <= 0 {
		t.Errorf("%v: %s", err, out)
	}
	out, errs, status := gyrusSearch(t, home, "--bench", "--generated", "300", "--queries", "20")
	if status != 0 || !strings.Contains(out, "half to half: 20 queries among 300 papers") || !strings.Contains(out, "20 searches among 300 papers on one processor") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

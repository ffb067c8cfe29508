package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/sweep"
)

// TestSweepGuide plans every sweep that sweeps.md begins, so that its papers, parameters, grids and seeds exist, and carries the first out,
// made smaller, so that what the page says about its folder holds.
func TestSweepGuide(t *testing.T) {
	page, err := os.ReadFile("sweeps.md")
	if err != nil {
		t.Fatal(err)
	}
	var configs []sweep.Config
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "gyrus sweep ")
		words := strings.Fields(command)
		if !ok || !strings.HasPrefix(line, "    ") || strings.Contains(" list show remove --resume ", " "+words[0]+" ") {
			continue
		}
		c := sweep.Config{Set: map[string]string{}}
		c.Paper, c.Experiment, _ = strings.Cut(words[0], "/")
		for i, w := range words {
			value := ""
			if i+1 < len(words) {
				value = words[i+1]
			}
			switch w {
			case "--grid":
				axis, err := sweep.ParseAxis(value)
				if err != nil {
					t.Error(err)
				}
				c.Axes = append(c.Axes, axis)
			case "--seeds":
				if c.Seeds, err = sweep.ParseSeeds(value); err != nil {
					t.Error(err)
				}
			case "--set":
				name, v, _ := strings.Cut(value, "=")
				c.Set[name] = v
			case "--random":
				c.Random = 20
			case "--quick":
				c.Preset = "quick"
			case "--runs":
				c.Runs = true
			case "--collect":
				c.Collect = true
			case "--queue":
				c.Queue = value
			}
		}
		if _, err := sweep.New(c); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
		configs = append(configs, c)
	}
	if len(configs) < 4 {
		t.Fatalf("sweeps.md begins %d sweeps", len(configs))
	}
	if testing.Short() {
		return
	}
	first := configs[0]
	first.Seeds = first.Seeds[:2]
	for _, small := range []string{"lstm-steps=1", "elements=600", "swap-at=300", "endings-elements=300", "death-at=300", "death-test=300"} {
		name, v, _ := strings.Cut(small, "=")
		first.Set[name] = v
	}
	plan, err := sweep.New(first)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s, err := sweep.Begin(t.Context(), plan, sweep.Options{Home: home, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if done, parked := s.Counts(); done != 6 || parked != 0 {
		t.Errorf("%d done, %d parked: %+v", done, parked, s.Outcomes)
	}
	_, listed, _ := strings.Cut(string(page), "## What is where")
	entries, err := os.ReadDir(filepath.Join(home, "sweeps", plan.ID))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && !strings.Contains(listed, e.Name()) {
			t.Errorf("sweeps.md does not say what %s is", e.Name())
		}
	}
	for _, name := range []string{"plan.json", "outcomes.jsonl", "report.html", "results.csv", "jobs.csv", "sweep.json"} {
		if _, err := os.Stat(filepath.Join(s.Dir, name)); err != nil {
			t.Error(err)
		}
	}
}

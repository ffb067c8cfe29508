package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuides checks that every command the README and the guides show is one, with flags that it has.
func TestGuides(t *testing.T) {
	guides, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`)
	checked := 0
	for _, guide := range append(guides, "../../README.md") {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, " #")
			rest, ok := strings.CutPrefix(strings.TrimSpace(line), "gyrus ")
			if !ok || !strings.HasPrefix(line, "    ") {
				continue
			}
			var args []string
			for _, w := range words.FindAllString(rest, -1) {
				args = append(args, strings.Trim(w, `"'`))
			}
			root := rootCommand()
			cmd, given, err := root.Find(args)
			if err != nil || cmd == root {
				t.Errorf("%s: gyrus %s: %v", guide, rest, err)
				continue
			}
			cmd.InitDefaultHelpFlag()
			if err := cmd.ParseFlags(given); err != nil && !strings.Contains(err.Error(), "help requested") {
				t.Errorf("%s: gyrus %s: %v", guide, rest, err)
			}
			checked++
		}
	}
	if checked < 30 {
		t.Errorf("only %d commands were found in the guides", checked)
	}
}

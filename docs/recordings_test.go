package docs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all"
)

// TestFormatTable keeps the table of formats in recordings.md to what is registered: each format has a row with its name, title, endings and what
// it is read as. What to know about it is written by hand.
func TestFormatTable(t *testing.T) {
	page, err := os.ReadFile("recordings.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	_, table, found := strings.Cut(string(page), "<!-- formats -->\n")
	table, _, ended := strings.Cut(table, "<!-- end of formats -->")
	if !found || !ended {
		t.Fatal("recordings.md has no table of formats")
	}
	for _, line := range strings.Split(table, "\n") {
		if strings.HasPrefix(line, "| `") {
			name, _, _ := strings.Cut(line[3:], "`")
			rows[name] = line
		}
	}
	for _, f := range recording.Formats() {
		var as []string
		if f.Open != nil {
			as = append(as, "signals")
		}
		if f.Arrays != nil {
			as = append(as, "arrays")
		}
		var endings []string
		for _, e := range f.Extensions {
			endings = append(endings, "."+e)
		}
		want := fmt.Sprintf("| `%s` | %s | %s | %s | ", f.Name, f.Title, strings.Join(endings, " "), strings.Join(as, ", "))
		switch row, known := rows[f.Name]; {
		case !known:
			t.Errorf("recordings.md has no row for %s; add:\n%s... |", f.Name, want)
		case !strings.HasPrefix(row, want):
			t.Errorf("the row of %s is\n%s\nand should begin\n%s", f.Name, row, want)
		}
		delete(rows, f.Name)
	}
	for name := range rows {
		t.Errorf("recordings.md has a row for %s, which is not registered", name)
	}
}

package docs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/papers"

	_ "github.com/gyrus-dev/gyrus/papers/all"
)

var update = flag.Bool("update", false, "write the example's code into adding-a-paper.md")

// TestExampleInGuide keeps the code in the guide the same as the code that is tested.
func TestExampleInGuide(t *testing.T) {
	const page = "adding-a-paper.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for _, name := range []string{"paper.go", "paper_test.go"} {
		code, err := os.ReadFile("example/leaky/" + name)
		if err != nil {
			t.Fatal(err)
		}
		begin := fmt.Sprintf("<!-- %s -->\n```go", name)
		if want, err = ledger.Between(want, begin, "\n```\n", strings.TrimSuffix(string(code), "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s shows other code than docs/example/leaky; run: go test ./docs -update", page)
	}
}

// TestTablesAreCurrent fails when a paper's claims or the ledger changed and the tables were not written again.
func TestTablesAreCurrent(t *testing.T) {
	l, err := ledger.Published()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("reproduction.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != l.Page(papers.All()) {
		t.Error("docs/reproduction.md is not what the ledger and the registry give; run: gyrus reproduction write")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), l.PaperTable(papers.All())) {
		t.Error("the README's table of papers is not current; run: gyrus reproduction write")
	}
	for _, e := range l.Entries {
		p, err := papers.Get(e.Paper)
		if err != nil {
			t.Errorf("the ledger measures a paper that is gone: %v", err)
			continue
		}
		for _, c := range e.Claims {
			if _, ok := p.Claim(c.ID); !ok {
				t.Errorf("the ledger has claim %q, which %s does not state", c.ID, e.Paper)
			}
		}
	}
}

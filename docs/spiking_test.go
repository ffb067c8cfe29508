package docs

import (
	"os"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/ledger"
)

// TestSpikingGuide keeps the program in the guide the same as the one that is tested.
func TestSpikingGuide(t *testing.T) {
	const page = "spiking.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("example/spiking/main.go")
	if err != nil {
		t.Fatal(err)
	}
	want, err := ledger.Between(string(text), "<!-- main.go -->\n```go", "\n```\n", strings.TrimSuffix(string(code), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s shows another program than docs/example/spiking; run: go test ./docs -update", page)
	}
}

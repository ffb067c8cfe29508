package report

import (
	"fmt"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	dir := os.Getenv("DUMP")
	if dir == "" {
		t.Skip()
	}
	f, _ := os.Create(dir + "/all.html")
	fmt.Fprintln(f, "<body style='margin:0;width:700px'>")
	for _, g := range sampleFigures(1) {
		fmt.Fprintf(f, "<h4 style='margin:2px'>%s %d</h4>%s", g.ID, len(g.SVG), g.SVG)
	}
	f.Close()
	f, _ = os.Create(dir + "/page.html")
	if err := sampleDocument().WriteHTML(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, w := range []int{60, 100} {
		sampleDocument().WriteSummary(os.Stdout, w, w == 100)
	}
}

package feed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gyrus-dev/gyrus/feed"
)

// The same paper from two sources is one paper.
func ExampleStore_Import() {
	dir, _ := os.MkdirTemp("", "feed")
	defer os.RemoveAll(dir)
	ctx := context.Background()
	store, err := feed.Open(ctx, filepath.Join(dir, "feed.db"))
	if err != nil {
		panic(err)
	}
	defer store.Close()
	for source, p := range map[string]feed.Paper{
		"page": {Title: "Waves in networks", Comments: 2}, "arxiv": {ArXiv: "2501.00001v2", Title: "Waves in Networks", Authors: []string{"Ada Blue"}},
	} {
		if _, err := store.Import(ctx, source, func(yield func(feed.Paper, error) bool) { yield(p, nil) }); err != nil {
			panic(err)
		}
	}
	p, err := store.ByArXiv(ctx, "https://arxiv.org/abs/2501.00001")
	slices.Sort(p.Sources)
	fmt.Println(p.Title, p.Comments, p.Sources, err)
	// Output: Waves in Networks 2 [arxiv page] <nil>
}

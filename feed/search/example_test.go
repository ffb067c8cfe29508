package search_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/search"
)

// open makes a feed of three papers and its index.
func open(ctx context.Context) (*feed.Store, *search.Index, func()) {
	dir, err := os.MkdirTemp("", "search")
	if err != nil {
		panic(err)
	}
	store, err := feed.Open(ctx, filepath.Join(dir, "feed.db"))
	if err != nil {
		panic(err)
	}
	for _, p := range []feed.Paper{
		{Title: "Waves in networks", Abstract: "Waves travel through networks of <i>neurons</i>."},
		{Title: "Spiking networks", Abstract: "Neurons that spike, in networks that learn to forecast."},
		{Title: "Cooking rice", Abstract: "Rice is cooked in water."},
	} {
		if _, err := store.Import(ctx, "example", func(yield func(feed.Paper, error) bool) { yield(p, nil) }); err != nil {
			panic(err)
		}
	}
	index, err := search.Open(ctx, store, search.Options{})
	if err != nil {
		panic(err)
	}
	if _, err := index.Refresh(ctx); err != nil {
		panic(err)
	}
	return store, index, func() { store.Close(); os.RemoveAll(dir) }
}

// A misspelt word is put right, and what was found is marked without any HTML of the paper's text getting through.
func ExampleIndex_Search() {
	ctx := context.Background()
	_, index, done := open(ctx)
	defer done()
	found, err := index.Search(ctx, search.Request{Query: "travelling nuerons", Limit: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(found.Corrected)
	for _, r := range found.Results {
		fmt.Println(r.Paper.Title)
		fmt.Println(r.Snippet.HTML())
	}
	// Output:
	// [{nuerons neurons}]
	// Waves in networks
	// Waves <mark>travel</mark> through networks of &lt;i&gt;<mark>neurons</mark>&lt;/i&gt;.
}

func ExampleIndex_More() {
	ctx := context.Background()
	store, index, done := open(ctx)
	defer done()
	like, err := store.List(ctx, feed.Filter{})
	if err != nil {
		panic(err)
	}
	for _, p := range like {
		more, err := index.More(ctx, p.ID, search.Filter{}, 1)
		if err != nil {
			panic(err)
		}
		for _, r := range more {
			fmt.Printf("%s: %s\n", p.Title, r.Paper.Title)
		}
	}
	// Unordered output:
	// Waves in networks: Spiking networks
	// Spiking networks: Waves in networks
}

func ExampleIndex_Complete() {
	ctx := context.Background()
	_, index, done := open(ctx)
	defer done()
	fmt.Printf("%q\n", index.Complete("travel through ne", 2))
	// Output: ["travel through networks" "travel through neurons"]
}

func ExampleParseQuery() {
	q := search.ParseQuery(`seizure -review "deep learning" author:müller after:2023 is:runnable`)
	for _, w := range q.Words {
		fmt.Printf("%q not:%t in:%q\n", w.Text, w.Not, w.In)
	}
	fmt.Println(q.Phrases[0].Words, q.Filter.Published.From.Year(), q.Filter.Runnable)
	// Output:
	// "seizure" not:false in:""
	// "review" not:true in:""
	// "muller" not:false in:"author"
	// [deep learning] 2024 true
}

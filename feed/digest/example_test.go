package digest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
)

// What a digest would say now.
func ExampleMailer_Sample() {
	dir, _ := os.MkdirTemp("", "feed")
	defer os.RemoveAll(dir)
	ctx, now := context.Background(), time.Date(2026, 4, 20, 6, 0, 0, 0, time.UTC)
	store, err := feed.Open(ctx, filepath.Join(dir, "feed.db"))
	if err != nil {
		panic(err)
	}
	defer store.Close()
	store.Import(ctx, "test", func(yield func(feed.Paper, error) bool) {
		yield(feed.Paper{Title: "Waves in networks", Authors: []string{"Ada Blue"}, Listed: now}, nil)
	})
	mailer, err := digest.Open(ctx, store, digest.Config{Now: func() time.Time { return now }, Settings: digest.Settings{
		Site: "https://papers.example.org", From: "Papers <papers@example.org>", SMTP: digest.SMTP{Host: "localhost", Security: digest.Plain}}})
	if err != nil {
		panic(err)
	}
	letter, err := mailer.Sample(ctx, digest.Daily, "waves")
	if err != nil {
		panic(err)
	}
	fmt.Println(letter.Subject)
	// Output: Waves in networks
}

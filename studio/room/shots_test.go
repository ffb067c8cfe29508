package room

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/source"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/studio"
)

// TestPictures writes pictures of all pages, for somebody to look at, to the folder that GYRUS_PICTURES names. GYRUS_PICTURES_ONLY names some.
func TestPictures(t *testing.T) {
	folder, data := os.Getenv("GYRUS_PICTURES"), os.Getenv("GYRUS_DATA")
	if folder == "" || data == "" {
		t.Skip("GYRUS_PICTURES and GYRUS_DATA name no folder for pictures and none with a saved page")
	}
	var saved []feed.Paper
	kind, from, err := source.Open(filepath.Join(data, "feed", "daily-papers.txt"), source.Options{Date: today.AddDate(0, 0, -1)})
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range from {
		if err == nil {
			saved = append(saved, p)
		}
	}
	var systems []feed.System
	var registered []*papers.Paper
	for i, p := range saved {
		if i%5 == 2 {
			family := papers.Families[i%len(papers.Families)]
			slug := fmt.Sprint("system", i)
			systems = append(systems, feed.System{Slug: slug, Family: string(family), Title: p.Title})
			registered = append(registered, &papers.Paper{Slug: slug, System: strings.Fields(p.Title)[0], Title: p.Title, Family: family, Code: "https://github.com/example/code"})
		}
	}
	s := newSite(t, 400, true, func(c *studio.Config, rc *Config) {
		c.Papers = registered
		if err := rc.Feed.Register(t.Context(), systems...); err != nil {
			t.Fatal(err)
		}
		if sum, err := rc.Feed.Import(t.Context(), kind, these(saved)); err != nil {
			t.Fatal(sum, err)
		}
	})
	b := s.browser()
	me := b.signIn("ada@example.org")
	b.must("/me/name", "name", "Ada Blue")
	if err := s.Readers.SetModerator(t.Context(), me.ID, true); err != nil {
		t.Fatal(err)
	}
	list, err := s.Config.Feed.List(t.Context(), feed.Filter{Runnable: true, Limit: 6})
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	paper := fmt.Sprint("/paper/", list[0].ID)
	for _, p := range list {
		b.must(fmt.Sprint("/paper/", p.ID, "/upvote"), "on", "1")
		b.must(fmt.Sprint("/paper/", p.ID, "/list"), "on", "1")
	}
	b.must(fmt.Sprint("/paper/", list[1].ID, "/read"), "on", "1")
	other := s.browser()
	other.signIn("bo@example.org")
	other.must("/me/name", "name", "Bo Green")
	to := other.must(paper+"/comments", "text", "The claim in *table 2* is what I would like to see checked first. Two things stood out:\n\n- the baseline is trained for half as long,\n- and `dropout=0.1` is nowhere in the paper.\n\n> It indicates that intrinsic motivation matters.\n\nDoes anybody know which split was used?")
	to2 := b.must(paper+"/comments", "text", "We used the split of the benchmark. The other one is in the appendix.", "parent", to[strings.Index(to, "#c")+2:])
	other.must(paper+"/comments", "text", "Thank you! That settles it.", "parent", to2[strings.Index(to2, "#c")+2:])
	other.must(paper+"/comments", "text", "Ran it on the quick preset; the relation holds.")
	b.must("/comment/1/report", "paper", strings.TrimPrefix(paper, "/paper/"), "reason", "Not about the paper")
	other.must(paper+"/claim", "evidence", "https://uni.example/~bo")
	b.must("/me/follow", "query", "spiking networks", "label", "")
	b.must("/me/follow", "query", "family:populations", "label", "")
	b.must("/subscribe", "address", "ada@example.org", "query", "", "every", "week")

	b.get("/") // takes what was to be said once
	pages := map[string]string{"front": "/", "trending": "/?trending=week", "empty": "/?family=comparison&runnable=1&trending=day", "archive": "/archive", "day": "/archive/2026-04-19", "month": "/archive/2026-04",
		"search": "/search?q=neural+dynamics", "search-empty": "/search", "search-none": "/search?q=zzyzx", "paper": paper, "desk": "/me", "following": "/me/following", "account": "/me/account",
		"moderation": "/moderation", "signin": "/sign-in?anonymous", "front-out": "/?anonymous", "paper-out": paper + "?anonymous", "subscribe": "/subscribe?q=spiking+networks"}
	ctx := chromium(t)
	only := os.Getenv("GYRUS_PICTURES_ONLY")
	for name, path := range pages {
		for _, width := range []int64{390, 820, 1440} {
			for _, theme := range []string{"light", "dark"} {
				file := fmt.Sprintf("%s-%d-%s", name, width, theme)
				if only != "" && !strings.Contains(","+only+",", ","+file+",") && !strings.Contains(","+only+",", ","+name+",") {
					continue
				}
				if err := chromedp.Do(ctx, screen(width, theme)); err != nil {
					t.Fatal(err)
				}
				who := b
				if strings.Contains(path, "anonymous") {
					who = s.browser()
				}
				if err := chromedp.Do(ctx, cookies(who), chromedp.Navigate(s.http.URL+path)); err != nil {
					t.Fatal(file, err)
				}
				shot, err := chromedp.Run(ctx, picture(width))
				if err != nil {
					t.Fatal(file, err)
				}
				if err := os.WriteFile(filepath.Join(folder, file+".png"), shot, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// picture is the page from its top, as long as it is or 2600 pixels.
func picture(width int64) chromedp.Action[[]byte] {
	return func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		height, err := chromedp.Evaluate[float64]("document.documentElement.scrollHeight")(ctx, t)
		if err != nil {
			return nil, err
		}
		beyond := true
		shot, err := cdp.Call(ctx, t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond,
			Clip: &cdppage.Viewport{Width: float64(width), Height: min(2600, height), Scale: 1}})
		return shot.Data, err
	}
}

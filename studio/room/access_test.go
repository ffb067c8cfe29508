package room

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/studio/browsertest"
)

// TestBrowserAccessible holds that every page can be used with a keyboard, a screen reader, or weak eyes, on a phone and on a large screen,
// in light and dark.
func TestBrowserAccessible(t *testing.T) {
	ctx := chromium(t)
	s := newSite(t, 40, true)
	b, nobody := s.browser(), s.browser()
	me := b.signIn("ada@example.org")
	paper := fmt.Sprint("/paper/", s.id(0))
	to := b.must(paper+"/comments", "text", "One")
	other := s.browser()
	other.signIn("bo@example.org")
	other.must(paper+"/comments", "text", "Two", "parent", to[strings.Index(to, "#c")+2:])
	other.must(paper+"/claim", "evidence", "mine")
	b.must("/comment/2/report", "paper", strings.TrimPrefix(paper, "/paper/"), "reason", "so")
	b.must(paper+"/list", "on", "1")
	b.must("/me/follow", "query", "waves", "label", "")
	b.must("/subscribe", "address", "ada@example.org", "query", "", "every", "day")
	if err := s.Readers.SetModerator(t.Context(), me.ID, true); err != nil {
		t.Fatal(err)
	}
	newer := samples[0]
	newer.ArXivVersion, newer.Abstract = 2, "Waves travel, as we now know."
	if _, err := s.Config.Feed.Import(t.Context(), "page", these([]feed.Paper{newer})); err != nil {
		t.Fatal(err)
	}
	pages := []string{"/", "/?trending=week", "/?family=fields", "/archive", "/archive/2026-04", "/archive/2026-04-20", "/search", "/search?q=waves", "/search?q=zzyzx", paper,
		paper + "?version=1", "/me", "/me/following", "/me/account", "/moderation", "/subscribe", "/sign-in"}
	told := map[string]bool{}
	for _, who := range []*browser{b, nobody} {
		if err := chromedp.Do(ctx, cookies(who)); err != nil {
			t.Fatal(err)
		}
		for _, path := range pages {
			for _, look := range []struct {
				width int64
				theme string
			}{{390, "light"}, {1440, "light"}, {1440, "dark"}} { // the colours do not depend on the width
				if who == nobody && (look.width == 1440 && look.theme == "light" || strings.HasPrefix(path, "/me") || path == "/moderation") {
					continue
				}
				// With Tab the browser shows the focus, as it does for those who use the keyboard.
				if err := chromedp.Do(ctx, screen(look.width, look.theme), chromedp.Navigate(s.http.URL+path), chromedp.KeyEvent(kb.Tab)); err != nil {
					t.Fatal(err)
				}
				problems, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](browsertest.AuditScript))
				if err != nil {
					t.Fatal(path, err)
				}
				for _, p := range problems {
					if !told[p] {
						told[p] = true
						t.Errorf("%s, %d wide, %s: %s", path, look.width, look.theme, p)
					}
				}
			}
		}
	}
}

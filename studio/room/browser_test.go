package room

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gyrus-dev/gyrus/studio/browsertest"
)

// chromium starts a browser.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(browsertest.Start(t), 10*time.Minute) // of a stuck browser, not of the test
	t.Cleanup(cancel)
	return ctx
}

// screen sets the width of the window, in pixels, and the theme the system prefers.
func screen(width int64, theme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		return err
	})
}

// cookies gives Chromium the cookies of somebody's browser, and only those.
func cookies(b *browser) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, "GET", b.http.URL, nil)
		if err != nil {
			return err
		}
		for _, c := range b.client.Jar.Cookies(r.URL) {
			if _, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: b.http.URL}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestBrowser goes through the reading room as a reader does, with scripts.
func TestBrowser(t *testing.T) {
	ctx := chromium(t)
	s := newSite(t, 40, true)
	var problems []string
	if err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *log.EventEntryAdded: // what the policy of the page refuses is here
			if ev.Entry.Level == log.EntryLevelError {
				problems = append(problems, ev.Entry.Text+" "+ev.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			problems = append(problems, ev.ExceptionDetails.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		limited, cancel := context.WithTimeout(ctx, 20*time.Second) // a machine can be busy
		defer cancel()
		if err := chromedp.Do(limited, steps...); err != nil {
			where, _ := chromedp.Run(ctx, chromedp.Location())
			t.Fatalf("%v at %s; problems: %q", err, where, problems)
		}
	}
	// until waits for a condition, whatever page comes meanwhile.
	until := func(condition string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
			for {
				ok, err := chromedp.Evaluate[bool]("Boolean("+condition+")")(ctx, tg)
				if ok {
					return nil
				}
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
					return fmt.Errorf("%s never came true: %w", condition, cmp.Or(err, ctx.Err()))
				}
			}
		})
	}
	paper := "/paper/" + strconv.FormatInt(s.id(0), 10)

	// Search by typing, and open the paper with the keys.
	do(screen(1200, "light"), chromedp.Navigate(s.http.URL+"/search"),
		chromedp.KeyEvent("/"), until(`document.activeElement.id === 'q'`),
		chromedp.SendKeys(chromedp.CSS("#q"), "travelling wav"),
		until(`document.querySelector('[data-results] .entry h3 mark') !== null && location.search.includes('travelling')`),
		chromedp.KeyEvent(kb.ArrowDown), until(`document.activeElement.textContent.startsWith('Travelling waves')`),
		chromedp.KeyEvent(kb.ArrowUp), until(`document.activeElement.id === 'q'`),
		chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter), until(`location.pathname === '`+paper+`'`))

	// Sign in by the link in the letter; that leads back to the paper.
	do(chromedp.Click(chromedp.CSS(".discussion a.button")), chromedp.WaitVisible(chromedp.CSS("#address")),
		chromedp.SendKeys(chromedp.CSS("#address"), "ada@example.org"+kb.Enter), until(`location.search === '?sent=1'`))
	do(chromedp.Navigate(s.rebased(s.letter("ada@example.org"))), chromedp.Click(chromedp.CSS("main button.primary")),
		until(`location.pathname === '`+paper+`' && document.querySelector('.say') !== null`))

	// Upvote and save, without a reload.
	do(until(`(window.same = true)`),
		chromedp.Click(chromedp.CSS(".vote button")), until(`document.querySelector('.vote button').getAttribute('aria-pressed') === 'true' && document.querySelector('[data-count]').textContent === '13'`),
		chromedp.Click(chromedp.CSS(".keep button")), until(`document.querySelector('.keep [data-word]').textContent === 'Saved' && window.same`))

	// A hostile comment is harmless.
	hostile := `<img src=x onerror="window.hacked=1"> [click](javascript:window.hacked=1) <script>window.hacked=1</script> **bold**`
	do(chromedp.SetValue(chromedp.CSS("#text"), hostile), chromedp.Click(chromedp.CSS(".say button")),
		until(`document.querySelector('.said strong')?.textContent === 'bold'`),
		until(`document.querySelectorAll('.said img, .said script, .said a[href^="javascript"]').length === 0 && window.hacked === undefined`),
		chromedp.Click(chromedp.CSS(".comment summary")), until(`document.activeElement.tagName === 'TEXTAREA'`))

	// Subscribe somebody else through the link in the letter.
	do(chromedp.Navigate(s.http.URL+"/"), chromedp.SetValue(chromedp.CSS("#subscribe-address"), "bo@example.org"), chromedp.Click(chromedp.CSS(".subscribe button")), until(`location.search === '?sent=1'`))
	if subs, err := s.Mailer.Subscribers(t.Context()); err != nil || len(subs) != 1 || !subs[0].Subscriptions[0].Confirmed.IsZero() {
		t.Errorf("before the link is followed there are subscribers %v %v", subs, err)
	}
	do(chromedp.Navigate(s.rebased(s.letter("bo@example.org"))), chromedp.Click(chromedp.CSS("main button.primary")), until(`document.querySelector('h1').textContent === 'Subscribed'`))
	if subs, err := s.Mailer.Subscribers(t.Context()); err != nil || len(subs) != 1 || subs[0].Subscriptions[0].Confirmed.IsZero() {
		t.Errorf("after it there are subscribers %v %v", subs, err)
	}

	// A filter applies at once, and narrow screens do not scroll sideways.
	do(chromedp.Navigate(s.http.URL+"/"), chromedp.Click(chromedp.CSS("input[name=runnable]")), until(`location.search === '?family=&runnable=1'`),
		until(`document.querySelectorAll('.entry').length === 1`))
	for _, path := range []string{"/", paper, "/me", "/search?q=waves", "/archive/2026-04", "/me/account"} {
		do(screen(360, "dark"), chromedp.Navigate(s.http.URL+path), until(`document.documentElement.scrollWidth <= 360`))
	}
	for _, p := range problems {
		t.Errorf("the browser reports: %s", p)
	}
}

// rebased is an address of the site's letters on the test server.
func (s *site) rebased(link string) string {
	return s.http.URL + strings.TrimPrefix(link, "https://papers.example.org")
}

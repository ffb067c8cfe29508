// Package browsertest opens pages in a real browser, for tests of the studio's sections. Nothing but tests imports it.
//
// A test that has no Chromium is skipped and says so.
package browsertest

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// AuditScript is a script whose value is what a page lacks for readers with other senses or hands: names, headings, order of focus, contrast.
//
//go:embed audit.js
var AuditScript string

// Browser is one with one page.
type Browser struct {
	Context context.Context // of its page, for what has no method here

	t    testing.TB
	base string

	mu       sync.Mutex
	problems []string // what its console says: errors of scripts, refusals of the policy
}

// Start starts Chromium, to be ended with the test, and returns the context of a page.
func Start(t testing.TB) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine (Debian's package chromium has one)")
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// New starts Chromium for the pages of a server. What the console says of them fails the test.
func New(t testing.TB, base string) *Browser {
	t.Helper()
	ctx := Start(t)
	b := &Browser{Context: ctx, t: t, base: base}
	if err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
			}
		case *cdpruntime.EventExceptionThrown:
			b.problems = append(b.problems, fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.URL, ":", e.ExceptionDetails.LineNumber))
		}
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Errorf("the browser's console says: %s", p)
		}
	})
	return b
}

// Forgive drops what the console has said so far and is meant to happen.
func (b *Browser) Forgive(meant func(problem string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = slices.DeleteFunc(b.problems, meant)
}

// Do takes steps; that one fails ends the test.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, 60*time.Second) // a machine can be busy
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		where, _ := chromedp.Run(b.Context, chromedp.Location())
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%v, at %s; its console says %q", err, where, b.problems)
	}
}

// Open goes to a path of the server.
func (b *Browser) Open(path string) { b.t.Helper(); b.Do(chromedp.Navigate(b.base + path)) }

// Until waits for a condition in JavaScript, whatever page comes meanwhile.
func (b *Browser) Until(condition string) {
	b.t.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for {
			ok, err := chromedp.Evaluate[bool]("Boolean("+condition+")")(ctx, t)
			if ok {
				return nil
			}
			select {
			case <-time.After(25 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("%s did not come true: %w", condition, cmp.Or(err, ctx.Err()))
			}
		}
	}))
}

// Value is what an expression in JavaScript gives.
func Value[T any](b *Browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.Context, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Screen sets the width of the window, in pixels, and what the system prefers: a theme, light or dark, and motion, reduce or no-preference.
func (b *Browser) Screen(width int64, theme, motion string) {
	b.t.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
		_, err2 := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: motion}}})
		return errors.Join(err, err2)
	}))
}

// Shot stores a picture of the page in the folder that GYRUS_SHOTS names, to be looked at.
func (b *Browser) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("GYRUS_SHOTS")
	if dir == "" {
		return
	}
	b.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		size, err := chromedp.Evaluate[[]float64]("[innerWidth, document.documentElement.scrollHeight]")(ctx, t)
		if err != nil {
			return err
		}
		beyond := true
		r, err := cdp.Call(ctx, t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond, Clip: &cdppage.Viewport{Width: size[0], Height: min(2600, size[1]), Scale: 1}})
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), r.Data, 0o644)
	}))
}

// Audit looks for what keeps a reader with a keyboard, a screen reader or weak eyes from using the page.
func (b *Browser) Audit() {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(kb.Tab)) // from now on the browser shows the focus, as it does for those who use the keyboard
	for _, p := range Value[[]string](b, AuditScript) {
		b.t.Errorf("%s: %s", Value[string](b, "location.pathname"), p)
	}
}

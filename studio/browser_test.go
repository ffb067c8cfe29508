package studio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// browser is a real one.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	problems []string // what its console says: errors of scripts, refusals of the policy, files that are not there
}

// newBrowser starts Chromium; a test is skipped where there is none.
func newBrowser(t *testing.T, base string) *browser {
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
	b := &browser{t: t, ctx: ctx, base: base}
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

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 40*time.Second) // a machine can be busy
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		where, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%v, at %s; its console says %q", err, where, b.problems)
	}
}

func (b *browser) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }

// until waits for a condition in JavaScript, whatever page comes meanwhile.
func (b *browser) until(condition string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
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

func value[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// screen sets the width of the window and what the system prefers.
func (b *browser) screen(width int64, theme string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
		_, err2 := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return errors.Join(err, err2)
	}))
}

// A reader finds a paper, runs it, watches it, loads the page anew in the middle, sees the report, and compares.
func TestBrowserRun(t *testing.T) {
	s := newRunning(t, Config{Papers: papers.All()})
	b := newBrowser(t, s.http.URL)
	b.screen(1200, "light")

	// With the keyboard alone: filter, go to the entry, open it.
	b.open("/papers")
	b.do(chromedp.KeyEvent("/"))
	b.until(`document.activeElement.id === 'filter'`)
	value[any](b, `document.activeElement.value = ''`) // the key is sent in two parts, of which a page can refuse only one
	b.do(chromedp.KeyEvent("sliding"))
	b.until(`[...document.querySelectorAll('[data-item]')].filter(e => !e.hidden && e.offsetParent).length === 1`)
	b.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("j"))
	b.until(`document.activeElement.textContent === 'Slider'`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`location.pathname === '/papers/slope' && document.readyState === 'complete'`)

	// The form shows what the chosen preset has.
	b.do(chromedp.Click(chromedp.CSS("input[value=default]")))
	b.until(`document.querySelector('#p-steps').placeholder === '40'`)
	b.do(chromedp.Click(chromedp.CSS("input[value=quick]")), chromedp.Click(chromedp.CSS("form.run details summary")))
	b.until(`document.querySelector('#p-steps').placeholder === '12'`)
	b.do(chromedp.SendKeys(chromedp.CSS("#p-steps"), "45"), chromedp.SendKeys(chromedp.CSS("#p-pause"), "80ms"), chromedp.Click(chromedp.CSS("form.run button.primary")))
	b.until(`location.pathname.startsWith('/runs/slope-slide')`)
	id := strings.TrimPrefix(value[string](b, `location.pathname`), "/runs/")

	// Progress and curves move.
	const count = `Number((document.querySelector('[data-count]')?.textContent ?? '').split(' ')[0])`
	b.until(count + ` >= 5 && document.querySelectorAll('[data-charts] svg.chart path').length > 3`)
	if label := value[string](b, `document.querySelector('svg.chart').getAttribute('aria-label')`); !strings.HasPrefix(label, "height: ") || !strings.Contains(label, "steps of slider") && !strings.Contains(label, "step of slider") {
		t.Errorf("the chart is called %q", label)
	}
	points := `(document.querySelector('svg.chart path.trace')?.getAttribute('d').match(/[ML]/g) ?? []).length`
	before, had := value[float64](b, count), value[float64](b, points)

	// Loaded anew in the middle, the page knows all that was before.
	b.do(chromedp.Reload())
	b.until(count + fmt.Sprint(" > ", before) + " && " + points + fmt.Sprint(" >= ", had))
	if e, err := s.history.find(t.Context(), id); err != nil || e.Status != runner.Running {
		t.Errorf("the run ended before the page was loaded anew: %q, %v", e.Status, err)
	}

	// To its end: the page shows the report, with its own styles.
	b.until(`document.querySelector('iframe.report')?.contentDocument?.querySelector('#claims')`)
	b.until(`document.querySelector('iframe.report').clientHeight > 1000`)
	report := value[map[string]any](b, `(() => {
		const f = document.querySelector('iframe.report'), d = f.contentDocument, w = f.contentWindow;
		return { radius: w.getComputedStyle(d.querySelector('section')).borderRadius, width: w.getComputedStyle(d.querySelector('svg.gyf')).maxWidth, scripts: d.scripts.length,
			inner: d.documentElement.scrollHeight - f.clientHeight };
	})()`)
	if report["radius"] != "10px" || report["width"] != "700px" || report["scripts"] != 0.0 || report["inner"].(float64) > 2 {
		t.Errorf("the report is shown as %v", report)
	}
	if w := value[float64](b, `document.querySelector('.status').textContent.trim() === 'done' ? 1 : 0`); w != 1 {
		t.Error("the run's page does not say that it is done")
	}

	// The theme changes without a reload, is kept, and the report follows.
	b.do(chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.until(`document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor === 'rgb(18, 20, 24)'`)
	b.until(`(() => { const d = document.querySelector('iframe.report').contentDocument; return d?.body && getComputedStyle(d.body).backgroundColor === 'rgb(15, 18, 22)'; })()`)
	b.until(`(fetch('/keys').then(async (r) => { window.kept = (await r.text()).includes('data-theme="dark"'); }), window.kept)`)
	b.do(chromedp.Reload())
	b.until(`document.documentElement.dataset.theme === 'dark'`)

	// Side by side with another.
	other := execute(t, s.home, runner.Config{Set: map[string]string{"rate": "0.7"}})
	b.open("/runs")
	b.until(`document.querySelectorAll('[name=run]').length === 2 && document.querySelector('[data-compare] button').disabled`)
	b.do(chromedp.Click(chromedp.CSS("[name=run]")))
	b.do(chromedp.Click(chromedp.CSS("[name=run][value=" + id + "]")))
	b.until(`!document.querySelector('[data-compare] button').disabled`)
	b.do(chromedp.Click(chromedp.CSS("[data-compare] button")))
	b.until(`location.pathname === '/compare' && document.querySelectorAll('.differs').length >= 2 && document.querySelector('svg.gyf')`)
	if !strings.Contains(value[string](b, `location.search`), other) {
		t.Error("the other run is not in the comparison")
	}
}

// The run's page follows a run that is stopped and gone on with.
func TestBrowserStop(t *testing.T) {
	s := newRunning(t, Config{})
	b := newBrowser(t, s.http.URL)
	id := s.start(url.Values{"p.steps": {"50"}, "p.pause": {"40ms"}})
	b.open("/runs/" + id)
	b.until(`document.querySelector('[data-bar]')?.value > 0`)
	b.do(chromedp.Click(chromedp.CSS(`form[action$="/cancel"] button`)))
	b.until(`[...document.querySelectorAll('button')].some(b => b.textContent === 'Go on with it')`)
	b.do(chromedp.Click(chromedp.CSS(`form[action$="/resume"] button`)))
	b.until(`document.querySelector('iframe.report')`)
}

// Every page can be used by readers with a keyboard, a screen reader, or weak eyes, on a phone and on a large screen, in light and dark.
func TestBrowserAccessible(t *testing.T) {
	audit, err := os.ReadFile(filepath.Join("testdata", "audit.js"))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	os.WriteFile(filepath.Join(data, "slope.txt"), []byte("1\n"), 0o644)
	s := newRunning(t, Config{DataFolders: []string{data}})
	one := execute(t, s.home, runner.Config{Preset: papers.Default})
	two := execute(t, s.home, runner.Config{Set: map[string]string{"rate": "0.6"}})
	failed := s.start(url.Values{"p.mode": {"broken"}})
	s.until(failed, func(e runner.Entry) bool { return e.Status == runner.Failed })
	live := s.start(url.Values{"p.steps": {"9000"}, "p.pause": {"30ms"}})
	guarded := newSite(t, Config{Token: testToken})
	b := newBrowser(t, s.http.URL)
	pages := []string{s.http.URL + "/papers", s.http.URL + "/papers/slope", s.http.URL + "/papers/slope?experiment=given&preset=full&p.rate=7", s.http.URL + "/board", s.http.URL + "/runs", s.http.URL + "/runs/" + one,
		s.http.URL + "/runs/" + failed, s.http.URL + "/runs/" + live, s.http.URL + "/runs/" + one + "/delete", s.http.URL + "/compare", s.http.URL + "/compare?run=" + one + "&run=" + two, s.http.URL + "/apply", s.http.URL + "/data?ref=" + filepath.Base(data),
		s.http.URL + "/keys", s.http.URL + "/none", guarded.http.URL + "/token"}
	told := map[string]bool{}
	for _, page := range pages {
		for _, width := range []int64{390, 820, 1440} {
			for _, theme := range []string{"light", "dark"} {
				if width != 1440 && theme == "dark" { // the colours do not depend on the width
					continue
				}
				b.screen(width, theme)
				b.do(chromedp.Navigate(page))
				if strings.Contains(page, live) {
					b.until(`document.querySelector('svg.chart')`)
				}
				b.do(chromedp.KeyEvent(kb.Tab)) // from now on the browser shows the focus, as it does for those who use the keyboard
				for _, p := range value[[]string](b, string(audit)) {
					if !told[p] {
						told[p] = true
						t.Errorf("%s, %d wide, %s: %s", strings.TrimPrefix(page, s.http.URL), width, theme, p)
					}
				}
			}
		}
	}
	b.mu.Lock()
	b.problems = slices.DeleteFunc(b.problems, func(p string) bool { // the pages that are meant to be refused
		return strings.Contains(p, "404 (Not Found)") && strings.HasSuffix(p, "/none") || strings.Contains(p, "401 (Unauthorized)")
	})
	b.mu.Unlock()
	s.post("/runs/"+live+"/cancel", nil)
}

// A page works without JavaScript, except that what is live reloads.
func TestBrowserWithoutScripts(t *testing.T) {
	s := newRunning(t, Config{})
	b := newBrowser(t, s.http.URL)
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.open("/papers/slope")
	b.do(chromedp.Click(chromedp.CSS("form.run button.primary")))
	b.until(`location.pathname.startsWith('/runs/slope-slide')`)
	path := value[string](b, `location.pathname`)
	s.until(strings.TrimPrefix(path, "/runs/"), done)
	b.open(path)
	b.until(`document.querySelector('iframe.report')`)
	b.do(chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.until(`document.documentElement.dataset.theme === 'dark'`)
}

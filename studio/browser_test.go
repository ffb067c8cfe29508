package studio

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/browsertest"
)

// A reader finds a paper, runs it, watches it, loads the page anew in the middle, sees the report, and compares.
func TestBrowserRun(t *testing.T) {
	s := newRunning(t, Config{Papers: papers.All()})
	b := browsertest.New(t, s.http.URL)
	b.Screen(1200, "light", "reduce")

	// With the keyboard alone: filter, go to the entry, open it.
	b.Open("/papers")
	b.Do(chromedp.KeyEvent("/"))
	b.Until(`document.activeElement.id === 'filter'`)
	browsertest.Value[any](b, `document.activeElement.value = ''`) // the key is sent in two parts, of which a page can refuse only one
	b.Do(chromedp.KeyEvent("sliding"))
	b.Until(`[...document.querySelectorAll('[data-item]')].filter(e => !e.hidden && e.offsetParent).length === 1`)
	b.Do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("j"))
	b.Until(`document.activeElement.textContent === 'Slider'`)
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Until(`location.pathname === '/papers/slope' && document.readyState === 'complete'`)

	// The form shows what the chosen preset has.
	b.Do(chromedp.Click(chromedp.CSS("input[value=default]")))
	b.Until(`document.querySelector('#p-steps').placeholder === '40'`)
	b.Do(chromedp.Click(chromedp.CSS("input[value=quick]")), chromedp.Click(chromedp.CSS("form.run details summary")))
	b.Until(`document.querySelector('#p-steps').placeholder === '12'`)
	b.Do(chromedp.SendKeys(chromedp.CSS("#p-steps"), "45"), chromedp.SendKeys(chromedp.CSS("#p-pause"), "80ms"), chromedp.Click(chromedp.CSS("form.run button.primary")))
	b.Until(`location.pathname.startsWith('/runs/slope-slide')`)
	id := strings.TrimPrefix(browsertest.Value[string](b, `location.pathname`), "/runs/")

	// Progress and curves move.
	const count = `Number((document.querySelector('[data-count]')?.textContent ?? '').split(' ')[0])`
	b.Until(count + ` >= 5 && document.querySelectorAll('[data-charts] svg.chart path').length > 3`)
	if label := browsertest.Value[string](b, `document.querySelector('svg.chart').getAttribute('aria-label')`); !strings.HasPrefix(label, "height: ") || !strings.Contains(label, "steps of slider") && !strings.Contains(label, "step of slider") {
		t.Errorf("the chart is called %q", label)
	}
	points := `(document.querySelector('svg.chart path.trace')?.getAttribute('d').match(/[ML]/g) ?? []).length`
	before, had := browsertest.Value[float64](b, count), browsertest.Value[float64](b, points)

	// Loaded anew in the middle, the page knows all that was before.
	b.Do(chromedp.Reload())
	b.Until(count + fmt.Sprint(" > ", before) + " && " + points + fmt.Sprint(" >= ", had))
	if e, err := s.history.find(t.Context(), id); err != nil || e.Status != runner.Running {
		t.Errorf("the run ended before the page was loaded anew: %q, %v", e.Status, err)
	}

	// To its end: the page shows the report, with its own styles.
	b.Until(`document.querySelector('iframe.report')?.contentDocument?.querySelector('#claims')`)
	b.Until(`document.querySelector('iframe.report').clientHeight > 1000`)
	report := browsertest.Value[map[string]any](b, `(() => {
		const f = document.querySelector('iframe.report'), d = f.contentDocument, w = f.contentWindow;
		return { radius: w.getComputedStyle(d.querySelector('section')).borderRadius, width: w.getComputedStyle(d.querySelector('svg.gyf')).maxWidth, scripts: d.scripts.length,
			inner: d.documentElement.scrollHeight - f.clientHeight };
	})()`)
	if report["radius"] != "10px" || report["width"] != "700px" || report["scripts"] != 0.0 || report["inner"].(float64) > 2 {
		t.Errorf("the report is shown as %v", report)
	}
	if w := browsertest.Value[float64](b, `document.querySelector('.status').textContent.trim() === 'done' ? 1 : 0`); w != 1 {
		t.Error("the run's page does not say that it is done")
	}

	// The theme changes without a reload, is kept, and the report follows.
	b.Do(chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.Until(`document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor === 'rgb(18, 20, 24)'`)
	b.Until(`(() => { const d = document.querySelector('iframe.report').contentDocument; return d?.body && getComputedStyle(d.body).backgroundColor === 'rgb(15, 18, 22)'; })()`)
	b.Until(`(fetch('/keys').then(async (r) => { window.kept = (await r.text()).includes('data-theme="dark"'); }), window.kept)`)
	b.Do(chromedp.Reload())
	b.Until(`document.documentElement.dataset.theme === 'dark'`)

	// Side by side with another.
	other := execute(t, s.home, runner.Config{Set: map[string]string{"rate": "0.7"}})
	b.Open("/runs")
	b.Until(`document.querySelectorAll('[name=run]').length === 2 && document.querySelector('[data-compare] button').disabled`)
	b.Do(chromedp.Click(chromedp.CSS("[name=run]")))
	b.Do(chromedp.Click(chromedp.CSS("[name=run][value=" + id + "]")))
	b.Until(`!document.querySelector('[data-compare] button').disabled`)
	b.Do(chromedp.Click(chromedp.CSS("[data-compare] button")))
	b.Until(`location.pathname === '/compare' && document.querySelectorAll('.differs').length >= 2 && document.querySelector('svg.gyf')`)
	if !strings.Contains(browsertest.Value[string](b, `location.search`), other) {
		t.Error("the other run is not in the comparison")
	}
}

// The run's page follows a run that is stopped and gone on with.
func TestBrowserStop(t *testing.T) {
	s := newRunning(t, Config{})
	b := browsertest.New(t, s.http.URL)
	id := s.start(url.Values{"p.steps": {"50"}, "p.pause": {"40ms"}})
	b.Open("/runs/" + id)
	b.Until(`document.querySelector('[data-bar]')?.value > 0`)
	b.Do(chromedp.Click(chromedp.CSS(`form[action$="/cancel"] button`)))
	b.Until(`[...document.querySelectorAll('button')].some(b => b.textContent === 'Go on with it')`)
	b.Do(chromedp.Click(chromedp.CSS(`form[action$="/resume"] button`)))
	b.Until(`document.querySelector('iframe.report')`)
}

// Every page can be used by readers with a keyboard, a screen reader, or weak eyes, on a phone and on a large screen, in light and dark.
func TestBrowserAccessible(t *testing.T) {
	data := t.TempDir()
	os.WriteFile(filepath.Join(data, "slope.txt"), []byte("1\n"), 0o644)
	s := newRunning(t, Config{DataFolders: []string{data}})
	one := execute(t, s.home, runner.Config{Preset: papers.Default})
	two := execute(t, s.home, runner.Config{Set: map[string]string{"rate": "0.6"}})
	failed := s.start(url.Values{"p.mode": {"broken"}})
	s.until(failed, func(e runner.Entry) bool { return e.Status == runner.Failed })
	live := s.start(url.Values{"p.steps": {"9000"}, "p.pause": {"30ms"}})
	guarded := newSite(t, Config{Token: testToken})
	b := browsertest.New(t, s.http.URL)
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
				b.Screen(width, theme, "reduce")
				b.Do(chromedp.Navigate(page))
				if strings.Contains(page, live) {
					b.Until(`document.querySelector('svg.chart')`)
				}
				b.Do(chromedp.KeyEvent(kb.Tab)) // from now on the browser shows the focus, as it does for those who use the keyboard
				for _, p := range browsertest.Value[[]string](b, browsertest.AuditScript) {
					if !told[p] {
						told[p] = true
						t.Errorf("%s, %d wide, %s: %s", strings.TrimPrefix(page, s.http.URL), width, theme, p)
					}
				}
			}
		}
	}
	b.Forgive(func(p string) bool { // the pages that are meant to be refused
		return strings.Contains(p, "404 (Not Found)") && strings.HasSuffix(p, "/none") || strings.Contains(p, "401 (Unauthorized)")
	})
	s.post("/runs/"+live+"/cancel", nil)
}

// A page works without JavaScript, except that what is live reloads.
func TestBrowserWithoutScripts(t *testing.T) {
	s := newRunning(t, Config{})
	b := browsertest.New(t, s.http.URL)
	b.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.Open("/papers/slope")
	b.Do(chromedp.Click(chromedp.CSS("form.run button.primary")))
	b.Until(`location.pathname.startsWith('/runs/slope-slide')`)
	path := browsertest.Value[string](b, `location.pathname`)
	s.until(strings.TrimPrefix(path, "/runs/"), done)
	b.Open(path)
	b.Until(`document.querySelector('iframe.report')`)
	b.Do(chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.Until(`document.documentElement.dataset.theme === 'dark'`)
}

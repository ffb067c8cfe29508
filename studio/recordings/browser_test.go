package recordings

import (
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/studio/browsertest"
)

// traces is the viewer of the page.
const traces = `document.querySelector('[data-viewer]').viewer`

// inked is the share of the plot's pixels, without its edges, that have about the colour of a trace.
const inked = `(() => {
	const v = ` + traces + `, r = v.ratio;
	const x = Math.round((v.gutter + 4) * r), y = Math.round(24 * r), w = Math.round((v.plotWidth - 8) * r), h = Math.round((v.plotHeight - 8) * r);
	const d = v.pen.getImageData(x, y, w, h).data, p = v.parts(v.ink);
	let n = 0;
	for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - p[0]) + Math.abs(d[i + 1] - p[1]) + Math.abs(d[i + 2] - p[2]) < 90) n++;
	return n / (w * h);
})()`

// painted is true when all that is seen is painted at its own scale, and nothing better will come.
const painted = `document.querySelector('[data-viewer]')?.viewer?.settled`

// dropped lets go of a file over the page.
func dropped(name string, content []byte) string {
	return fmt.Sprintf(`(() => {
		const t = new DataTransfer();
		t.items.add(new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))], %q));
		const at = document.querySelector('main');
		at.dispatchEvent(new DragEvent('dragenter', { dataTransfer: t, bubbles: true }));
		const over = document.querySelector('[data-drop]').classList.contains('over');
		at.dispatchEvent(new DragEvent('drop', { dataTransfer: t, bubbles: true, cancelable: true }));
		return over;
	})()`, base64.StdEncoding.EncodeToString(content), name)
}

// A reader drops a recording, looks at it, applies a model to it, and plays it.
func TestBrowser(t *testing.T) {
	s := newSite(t, Config{})
	run := s.train()
	r := signals(120, 200, "Fz", "Cz", "Pz", "Oz", "Fp1", "Fp2", "T7", "T8")
	r.Gaps = []recording.Gap{{Frame: 200 * 65, Seconds: 4}}
	path := filepath.Join(t.TempDir(), "session one.edf")
	save(t, path, r)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b := browsertest.New(t, s.http.URL)
	b.Screen(1200, "light", "reduce")
	b.Open("/recordings")
	b.Audit()
	b.Shot("library")
	if over := browsertest.Value[bool](b, dropped("session one.edf", content)); !over {
		t.Error("the page does not show that it takes what is held over it")
	}
	b.Until(`location.pathname.match(/^\/recordings\/[0-9a-f]{20}$/) && document.querySelector('[data-viewer]')`)
	place := browsertest.Value[string](b, "location.pathname")

	// The traces are there, and more ink where the loud seconds are.
	b.Until(painted)
	quiet := browsertest.Value[float64](b, inked)
	if quiet < 0.005 {
		t.Errorf("%.2f %% of the plot are inked", 100*quiet)
	}
	b.Until(`document.querySelector('#spectra svg')`)
	b.Do(chromedp.Focus(chromedp.CSS("[data-plot]")), chromedp.KeyEvent(kb.PageDown))
	b.Until(painted)
	if loud := browsertest.Value[float64](b, inked); loud < 2*quiet {
		t.Errorf("loud seconds have %.2f %% ink, quiet ones %.2f %%", 100*loud, 100*quiet)
	}
	// With the keyboard: in, to the end and back, to an event.
	span := browsertest.Value[float64](b, traces+`.goal.span`)
	b.Do(chromedp.KeyEvent("+"), chromedp.KeyEvent("+"))
	b.Until(painted)
	if now := browsertest.Value[float64](b, traces+`.span`); math.Abs(now*2.25/span-1) > 1e-6 {
		t.Errorf("a page of %g s became one of %g s", span, now)
	}
	b.Until(`/of 2:04/.test(document.querySelector('[data-say]').textContent)`)
	b.Do(chromedp.KeyEvent(kb.End))
	b.Until(painted + ` && Math.abs(` + traces + `.from + ` + traces + `.span - 124) < 1e-6`)
	b.Do(chromedp.KeyEvent(kb.Home), chromedp.KeyEvent("n"))
	b.Until(painted + ` && ` + traces + `.from > 5`)
	// To samples, and to the whole.
	for range 20 {
		b.Do(chromedp.KeyEvent("+"))
	}
	b.Until(painted)
	if ink := browsertest.Value[float64](b, inked); ink < 0.002 {
		t.Errorf("of single samples %.3f %% of the plot are inked", 100*ink)
	}
	for range 30 {
		b.Do(chromedp.KeyEvent("-"))
	}
	b.Until(painted)
	if ink := browsertest.Value[float64](b, inked); ink < 0.05 {
		t.Errorf("of the whole %.2f %% of the plot are inked", 100*ink)
	}
	// The gap is one: no ink between 65 and 69 s.
	if n := browsertest.Value[float64](b, `(() => {
		const v = `+traces+`, r = v.ratio, x = (t) => Math.round((v.gutter + (t - v.from) / v.span * v.plotWidth) * r);
		const d = v.pen.getImageData(x(65) + 3, 30, x(69) - x(65) - 6, v.plotHeight - 20).data, p = v.parts(v.ink);
		let n = 0;
		for (let i = 0; i < d.length; i += 4) if (d[i] === p[0] && d[i + 1] === p[1] && d[i + 2] === p[2]) n++;
		return n;
	})()`); n > 0 {
		t.Errorf("there is ink in the gap, %g pixels", n)
	}
	// Channels are hidden by their boxes.
	b.Do(chromedp.Click(chromedp.CSS("[data-channels] summary")), chromedp.Click(chromedp.CSS("[data-list] .names label:nth-child(2) input")))
	b.Until(traces + `.rows.length === 7`)
	b.Do(chromedp.Click(chromedp.CSS("[data-channels] summary")))

	for _, c := range []struct {
		width int64
		theme string
	}{{1400, "light"}, {820, "dark"}, {390, "light"}} {
		b.Screen(c.width, c.theme, "reduce")
		b.Open(place)
		b.Until(painted)
		b.Until(`document.querySelector('#spectra svg')`)
		b.Audit()
		b.Shot(fmt.Sprint("recording-", c.width))
	}
	b.Screen(1200, "light", "reduce")

	// Apply.
	b.Open(place + "#apply")
	b.Do(chromedp.Click(chromedp.CSS(".applyform button.primary")))
	b.Until(`location.pathname.startsWith('/jobs/') && document.querySelector('a[href$="loud.csv"]')`)

	// Play.
	b.Open(place)
	b.Do(chromedp.Click(chromedp.CSS("a[href^='/live?ref=']")))
	b.Until(`document.querySelector('#ref')?.value === 'uploads/session-one/session one.edf' && document.querySelector('[data-for=tcp]').hidden`)
	b.Audit()
	browsertest.Value[any](b, `(() => { const f = document.querySelector('[data-live-form]'); f.elements.model.value = '`+run+`/0'; f.elements.speed.value = '5'; f.dispatchEvent(new Event('change')); return 0; })()`)
	b.Shot("live")
	b.Do(chromedp.Click(chromedp.CSS(".liveform button.primary")))
	b.Until(`location.pathname.startsWith('/live/') && document.querySelector('[data-session]')?.session?.bins > 1500 && document.querySelector('[data-decisions]').textContent.includes('loud')`)
	if ink := browsertest.Value[float64](b, `(() => {
		const c = document.querySelector('[data-canvas]'), d = c.getContext('2d').getImageData(100, 30, c.width - 200, c.height - 60).data;
		let n = 0;
		for (let i = 0; i < d.length; i += 4) if (d[i] < 90) n++;
		return n / (d.length / 4);
	})()`); ink < 0.01 {
		t.Errorf("%.2f %% of the live plot are inked", 100*ink)
	}
	b.Until(`document.querySelector('[data-latency] td')?.textContent > ''`)
	b.Audit()
	for _, width := range []int64{1400, 820, 390} {
		b.Screen(width, map[bool]string{true: "dark", false: "light"}[width == 820], "reduce")
		if os.Getenv("GYRUS_SHOTS") != "" {
			time.Sleep(300 * time.Millisecond)
		}
		b.Shot(fmt.Sprint("session-", width))
	}
	b.Do(chromedp.Click(chromedp.CSS("[data-stop] button")))
	b.Until(`document.querySelector('[data-why]')?.textContent.includes('It was stopped.')`)
}

// hour writes 64 channels of an hour at 500 Hz.
func hour(t testing.TB, path string) {
	names := make([]string, 64)
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	r := signals(60, 500, names...)
	r.Samples = loop{r.Samples.(recording.Memory), r.Frames}
	r.Frames *= 60
	for k := range 900 {
		r.Events = append(r.Events, recording.Event{Onset: 4 * float64(k), Label: fmt.Sprint("S", k%4)})
	}
	r.Events = r.Events[6:]
	save(t, path, r)
}

// loop repeats a signal.
type loop struct {
	recording.Memory
	frames int64
}

func (l loop) ReadFrames(dst []float32, first int64) (int, error) {
	n := len(dst) / l.Channels
	for i := 0; i < n; {
		at := (first + int64(i)) % l.frames
		k := int(min(int64(n-i), l.frames-at))
		copy(dst[i*l.Channels:(i+k)*l.Channels], l.Data[at*int64(l.Channels):])
		i += k
	}
	return n, nil
}

// BenchmarkViewer scrolls and zooms through 64 channels of an hour at 500 Hz, and reports how long frames take: the work of the page in a frame, and the
// time from one frame to the next, which is 16.7 ms where none is late.
func BenchmarkViewer(b *testing.B) {
	s := newSite(b, Config{})
	hour(b, filepath.Join(s.data, "hour.edf"))
	began := time.Now()
	place := s.open("data/hour.edf")
	prepared := time.Since(began).Seconds()
	w := browsertest.New(b, s.http.URL)
	w.Screen(1500, "light", "no-preference")
	w.Open(place)
	w.Until(painted)
	if ink := browsertest.Value[float64](w, inked); ink < 0.02 {
		b.Fatalf("%.2f %% of the plot are inked", 100*ink)
	}
	for b.Loop() {
		for _, c := range []struct{ name, step string }{
			{"scroll", `v.move({ from: (n * 0.06 * v.goal.span) % (v.total - v.goal.span) })`},
			{"drag", `v.move({ from: 600 + 40 * Math.sin(n / 25) }, true)`},
			{"zoom", `v.zoom(n % 240 < 120 ? 0.96 : 1 / 0.96, 0.4, true)`},
		} {
			const n = 600
			work, apart, blank := frames(b, w, c.step, n)
			b.ReportMetric(percentile(work, 0.5), "ms/"+c.name+"-work-p50")
			b.ReportMetric(percentile(work, 0.95), "ms/"+c.name+"-work-p95")
			b.ReportMetric(percentile(apart, 0.95), "ms/"+c.name+"-frame-p95")
			b.ReportMetric(percentile(apart, 0.99), "ms/"+c.name+"-frame-p99")
			b.ReportMetric(100*blank/n, "%/"+c.name+"-frames-partly-blank")
			w.Until(painted)
		}
	}
	b.ReportMetric(prepared, "s/prepare")
}

// frames lets the viewer do a step in each of so many frames, and returns the time its work took in each and the time between them, ms, and in how
// many something was not painted yet.
func frames(t testing.TB, b *browsertest.Browser, step string, n int) (work, apart []float64, blank float64) {
	t.Helper()
	browsertest.Value[any](b, fmt.Sprintf(`(() => {
		const v = %s;
		v.move({ from: 600, span: 10 }, true);
		window.measured = null;
		const apart = [];
		v.drawn = v.blank = 0;
		let n = 0, last = 0;
		requestAnimationFrame(function step(now) {
			if (last) apart.push(now - last);
			last = now;
			%s;
			if (++n < %d) requestAnimationFrame(step);
			else window.measured = { work: [...v.frames.slice(0, v.drawn)], apart, blank: [v.blank] };
		});
		return null;
	})()`, traces, step, n))
	b.Until("window.measured")
	m := browsertest.Value[map[string][]float64](b, "window.measured")
	return m["work"], m["apart"], m["blank"][0]
}

func percentile(values []float64, q float64) float64 {
	s := slices.Clone(values)
	slices.Sort(s)
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// BenchmarkTile fetches tiles of 64 channels, from the file and from the pyramid. An address may send so many requests only: run it with -benchtime 100x.
func BenchmarkTile(b *testing.B) {
	s := newSite(b, Config{})
	hour(b, filepath.Join(s.data, "hour.edf"))
	place := s.open("data/hour.edf")
	for _, factor := range []int{1, 4, 16, 256} {
		b.Run(fmt.Sprint(factor), func(b *testing.B) {
			n := 0
			var took []float64
			for b.Loop() {
				began := time.Now()
				resp, body := s.get(fmt.Sprintf("%s/tiles/%d/%d?from=0&to=64", place, factor, n%max(1, 1_800_000/factor/2048)))
				if resp.StatusCode != 200 || len(body) < 1000 {
					b.Fatal(resp.StatusCode, len(body))
				}
				took = append(took, float64(time.Since(began).Microseconds())/1000)
				n++
			}
			b.ReportMetric(percentile(took, 0.5), "ms/p50")
			b.ReportMetric(percentile(took, 0.95), "ms/p95")
		})
	}
}

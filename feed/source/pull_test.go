package source

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

func open(t *testing.T) *feed.Store {
	t.Helper()
	s, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func entry(n int) string {
	return fmt.Sprintf(`<entry><id>http://arxiv.org/abs/2501.%05dv2</id><updated>2025-02-02T00:00:00Z</updated><published>2025-01-02T03:04:05Z</published>
		<title>Paper
  number %d</title><summary>  About &amp; around %d.
</summary><author><name>Ada Blue</name></author><author><name>Carl D&#233;an</name></author>
		<arxiv:doi>10.1000/p%d</arxiv:doi><link href="http://arxiv.org/abs/2501.%05dv2" rel="alternate"/></entry>`, n, n, n, n, n)
}

func atomFeed(total int, entries ...string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
		xmlns:arxiv="http://arxiv.org/schemas/atom"><opensearch:totalResults>%d</opensearch:totalResults>%s</feed>`, total, strings.Join(entries, ""))
}

// arXivServer has total papers. It serves an empty page the first time its third page is asked for, as arXiv does now and then.
func arXivServer(t *testing.T, total int, requests *[]string) *httptest.Server {
	moody := true
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*requests = append(*requests, q.Get("search_query")+" "+q.Get("start")+"+"+q.Get("max_results")+q.Get("id_list"))
		w.Header().Set("Content-Type", "application/atom+xml; charset=UTF-8")
		w.Header().Set("ETag", `"today"`)
		if r.Header.Get("If-None-Match") == `"today"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		start, _ := strconv.Atoi(q.Get("start"))
		n, _ := strconv.Atoi(q.Get("max_results"))
		if start == 4 && moody {
			moody = false
			fmt.Fprint(w, atomFeed(total))
			return
		}
		var entries []string
		for i := start; i < min(start+n, total); i++ {
			entries = append(entries, entry(i))
		}
		fmt.Fprint(w, atomFeed(total, entries...))
	})
}

func TestArXiv(t *testing.T) {
	var requests []string
	s := arXivServer(t, 7, &requests)
	store, client := open(t), testClient(s)
	src := &ArXiv{Base: s.URL, Categories: []string{"q-bio.NC", "cs.NE"}, Query: "abs:spike", Page: 2, Max: 100}
	results := Pull(t.Context(), store, client, nil, src)
	if r := results[0]; r.Err != nil || r.Summary.Added != 7 {
		t.Fatalf("%+v", r)
	}
	const q = "(cat:q-bio.NC OR cat:cs.NE) AND (abs:spike) "
	if want := []string{q + "0+2", q + "2+2", q + "4+2", q + "4+2", q + "6+2"}; !slices.Equal(requests, want) {
		t.Errorf("requests were %q, want %q", requests, want)
	}
	p, err := store.ByArXiv(t.Context(), "2501.00003")
	want := feed.Paper{ID: 4, ArXiv: "2501.00003", ArXivVersion: 2, DOI: "10.1000/p3", Title: "Paper number 3", Abstract: "About & around 3.",
		Authors: []string{"Ada Blue", "Carl Déan"}, AuthorCount: 2, Published: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), Version: 1, Sources: []string{"arxiv"}}
	want.Listed, want.Updated = want.Published, p.Updated
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v\nwant %+v", p, err, want)
	}
	requests = nil
	if r := Pull(t.Context(), store, client, nil, src)[0]; !r.NotModified || r.Err != nil || len(requests) != 1 {
		t.Errorf("again: %+v with %d requests", r, len(requests))
	}
	requests = nil
	src.Max = 3 // another question: what the first one's answer was does not matter
	if r := Pull(t.Context(), store, client, nil, src)[0]; r.NotModified || r.Summary.Unchanged != 3 {
		t.Errorf("another question: %+v, %q", r, requests)
	}
	if r := Pull(t.Context(), store, client, nil, &ArXiv{Base: s.URL, IDs: []string{"2501.00001", "2501.00002"}, Page: 100})[0]; r.Err != nil {
		t.Errorf("by ID: %+v, %q", r, requests)
	}
	if last := requests[len(requests)-1]; last != " +22501.00001,2501.00002" {
		t.Errorf("by ID it asked for %q", last)
	}
}

func TestArXivRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body, err string
		added, refused  int
	}{
		{"an error", atomFeed(1, `<entry><id>http://arxiv.org/api/errors#incorrect_id_format</id><title>Error</title><summary>incorrect id format</summary></entry>`), "incorrect id format", 0, 0},
		{"not XML", "Rate exceeded.", "reading arXiv's answer", 0, 0},
		{"cut", atomFeed(1, entry(1))[:600], "reading arXiv's answer", 0, 0},
		{"another document", "<html></html>", "expected element type <feed>", 0, 0},
		{"one torn entry", atomFeed(2, `<entry><id>x</id><title>T</title></entry>`, entry(1)), "", 1, 1},
		{"never the rest", atomFeed(50), "shows none after the first 0", 0, 0},
		{"entities", `<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + atomFeed(1, strings.Replace(entry(1), "About", "&b;", 1)), "entity", 0, 0},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			fmt.Fprint(w, c.body)
		})
		r := Pull(t.Context(), open(t), testClient(s), nil, &ArXiv{Base: s.URL, Query: "x"})[0]
		if (r.Err == nil) != (c.err == "") || r.Err != nil && !strings.Contains(r.Err.Error(), c.err) || r.Summary.Added != c.added || r.Summary.Refused != c.refused {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if r := Pull(t.Context(), open(t), NewClient(), nil, &ArXiv{Categories: []string{"q-bio.NC&max_results=9"}})[0]; r.Err == nil {
		t.Error("a category that is none")
	}
}

func TestOAI(t *testing.T) {
	record := func(n int) string {
		return fmt.Sprintf(`<record><header><identifier>oai:arXiv.org:2501.%05d</identifier></header><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/">
			<id>2501.%05d</id><created>2025-01-02</created><authors><author><keyname>Blue</keyname><forenames>Ada</forenames><suffix>Jr</suffix></author></authors>
			<title>Paper %d</title><abstract> Text. </abstract></arXiv></metadata></record>`, n, n, n)
	}
	part := func(token string, records ...string) string {
		return `<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-04-20T01:02:03Z</responseDate><ListRecords>` +
			strings.Join(records, "") + `<resumptionToken>` + token + `</resumptionToken></ListRecords></OAI-PMH>`
	}
	var requests []string
	loop := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		requests = append(requests, q.Get("from")+q.Get("resumptionToken"))
		w.Header().Set("Content-Type", "text/xml")
		switch {
		case loop:
			fmt.Fprint(w, part("t1", record(9)))
		case q.Get("from") == "2026-04-20":
			fmt.Fprint(w, `<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-04-21T00:00:00Z</responseDate><error code="noRecordsMatch"/></OAI-PMH>`)
		case q.Get("resumptionToken") == "":
			fmt.Fprint(w, part("t1", record(1), `<record><header status="deleted"><identifier>oai:arXiv.org:2501.00009</identifier></header></record>`))
		case q.Get("resumptionToken") == "t1":
			fmt.Fprint(w, part(" t2 ", record(2), strings.Replace(record(3), "2025-01-02", "soon", 1)))
		default:
			fmt.Fprint(w, part("", record(4)))
		}
	})
	store, client := open(t), testClient(s)
	src := &OAI{Base: s.URL, Set: "q-bio", Since: "2026-04-01"}
	r := Pull(t.Context(), store, client, nil, src)[0]
	if r.Err != nil || r.Summary.Added != 3 || r.Summary.Refused != 1 || strings.Join(requests, " ") != "2026-04-01 t1 t2" {
		t.Errorf("%+v, %q", r, requests)
	}
	if p, err := store.ByArXiv(t.Context(), "2501.00004"); err != nil || p.Authors[0] != "Ada Blue Jr" || p.Abstract != "Text." {
		t.Errorf("%+v, %v", p, err)
	}
	requests = nil
	if r := Pull(t.Context(), store, client, nil, src)[0]; r.Err != nil || r.Summary.Seen != 0 || strings.Join(requests, " ") != "2026-04-20" {
		t.Errorf("the second harvest: %+v, %q", r, requests)
	}
	loop = true
	if r := Pull(t.Context(), open(t), client, nil, src)[0]; r.Err == nil || !strings.Contains(r.Err.Error(), "repeats") || r.Summary.Added != 1 {
		t.Errorf("a token that comes again: %+v", r)
	}
}

const daily = `[{"paper":{"id":"2604.00001","title":"First\nPaper","summary":"Text.","publishedAt":"2026-04-17T00:00:00.000Z","submittedOnDailyAt":"2026-04-20T01:00:00.000Z",
	"upvotes":12,"authors":[{"name":"Ada Blue","hidden":false},{"name":"Carl Dean"}],"organization":{"name":"bluelab","fullname":"Blue Lab"}},
	"title":"First Paper","numComments":3,"publishedAt":"2026-04-20T00:00:00.000Z"},
	{"paper":{"id":17}},{"title":"Second","paper":{"id":"a-slug","publishedAt":"never","upvotes":-4},"publishedAt":"2026-04-19T00:00:00.000Z"}]`

func TestDailyPapers(t *testing.T) {
	var asked string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, daily)
	})
	store := open(t)
	r := Pull(t.Context(), store, testClient(s), nil, &DailyPapers{Base: s.URL, Date: "2026-04-20"})[0]
	if r.Err != nil || r.Summary.Added != 2 || r.Summary.Refused != 1 || asked != "/api/daily_papers?date=2026-04-20&limit=100" {
		t.Fatalf("%+v, asked for %s", r, asked)
	}
	p, err := store.ByArXiv(t.Context(), "2604.00001")
	if err != nil || p.Title != "First Paper" || p.Upvotes != 12 || p.Comments != 3 || p.Organisation != "Blue Lab" || p.AuthorCount != 2 ||
		!p.Published.Equal(day("2026-04-17")) || !p.Listed.Equal(day("2026-04-20").Add(time.Hour)) {
		t.Errorf("%+v, %v", p, err)
	}
	for body, want := range map[string]string{"": "unexpected EOF", "{}": "expected a list", daily[:len(daily)-1]: "unexpected EOF", "[1,": "unexpected EOF", "[}": "invalid"} {
		if _, _, err := collect(parseDailyPapers([]byte(body))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", body, err)
		}
	}
}

func TestFeed(t *testing.T) {
	const rss = `<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"><channel><title>x</title>
		<item><title>From arXiv</title><link>https://arxiv.org/abs/2604.00002</link><description>arXiv:2604.00002v1 Announce Type: new
Abstract: We show &lt;i&gt;it&lt;/i&gt;.</description><dc:creator>Ada Blue, Carl Dean</dc:creator><pubDate>Mon, 20 Apr 2026 00:00:00 -0400</pubDate></item>
		<item><title>From a &amp;amp; journal</title><link>https://journal.example/1</link><description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;</description><prism:doi>10.1000/J1</prism:doi></item>
		<item><title></title></item></channel></rss>`
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprint(w, rss)
	})
	store := open(t)
	if r := Pull(t.Context(), store, testClient(s), nil, &Feed{URL: s.URL})[0]; r.Err != nil || r.Summary.Added != 2 || r.Summary.Refused != 1 {
		t.Fatalf("%+v", r)
	}
	p, err := store.ByArXiv(t.Context(), "2604.00002")
	if err != nil || p.Abstract != "We show it." || !slices.Equal(p.Authors, []string{"Ada Blue", "Carl Dean"}) || !p.Published.Equal(day("2026-04-20").Add(4*time.Hour)) {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = store.ByDOI(t.Context(), "10.1000/j1"); err != nil || p.Title != "From a & journal" || p.Abstract != "One. Two." && p.Abstract != "One.\n\nTwo." {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestDOI(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/works/10.1000/a(b)c":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"message":{"title":["One <i>two</i>"],"subtitle":["three"],"abstract":"<jats:title>Abstract</jats:title><jats:p>Text &lt; more.</jats:p>",
				"author":[{"given":"Ada","family":"Blue"},{"name":"The Team"}],"issued":{"date-parts":[[2024,5]]}}}`)
		case "/10.2000/data":
			if r.Header.Get("Accept") != "application/vnd.citationstyles.csl+json" {
				t.Errorf("the resolver was asked for %q", r.Header.Get("Accept"))
			}
			w.Header().Set("Content-Type", "application/vnd.citationstyles.csl+json")
			fmt.Fprint(w, `{"title":"A set","issued":{"date-parts":[["2023",4,31]]}}`)
		default:
			http.NotFound(w, r)
		}
	})
	store := open(t)
	src := &DOI{Base: s.URL, Resolver: s.URL, DOIs: []string{"10.9999/none", "doi:10.1000/A(b)c", "nonsense", "10.2000/data"}}
	r := Pull(t.Context(), store, testClient(s), nil, src)[0]
	if r.Err != nil || r.Summary.Added != 2 || r.Summary.Refused != 2 || !strings.Contains(r.Summary.Reasons[0].Reason, "404") {
		t.Fatalf("%+v", r)
	}
	p, err := store.ByDOI(t.Context(), "10.1000/a(b)c")
	if err != nil || p.Title != "One two: three" || p.Abstract != "Text < more." || !slices.Equal(p.Authors, []string{"Ada Blue", "The Team"}) || !p.Published.Equal(day("2024-05-01")) {
		t.Errorf("%+v, %v", p, err)
	}
}

// A source that fails is reported, keeps what it brought before, and does not keep the next one from being asked. What was learnt of it is
// not remembered, so that nothing is skipped next time.
func TestPullGoesOn(t *testing.T) {
	failing := true
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/atom+xml")
		w.Header().Set("ETag", `"x"`)
		if r.URL.Query().Get("start") != "0" && failing {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if r.Header.Get("If-None-Match") != "" {
			t.Error("a source that failed is asked with a condition")
		}
		start, _ := strconv.Atoi(r.URL.Query().Get("start"))
		fmt.Fprint(w, atomFeed(2, entry(start)))
	})
	second := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, daily)
	})
	store, client := open(t), testClient(first)
	client.Hosts = append(client.Hosts, testClient(second).Hosts...)
	var told []string
	sources := []Source{&ArXiv{Base: first.URL, Query: "x", Page: 1}, &DailyPapers{Base: second.URL}}
	results := Pull(t.Context(), store, client, func(r Result) { told = append(told, r.Source) }, sources...)
	if len(results) != 2 || results[0].Err == nil || results[0].Summary.Added != 1 || !strings.Contains(results[0].Err.Error(), "502 Bad Gateway (after 3 attempts)") ||
		results[1].Err != nil || results[1].Summary.Added != 2 || len(told) != 2 {
		t.Fatalf("%+v", results)
	}
	failing = false
	if r := Pull(t.Context(), store, client, nil, sources[0])[0]; r.Err != nil || r.Summary.Added != 1 || r.Summary.Unchanged != 1 {
		t.Errorf("after the failure: %+v", r)
	}
}

func TestReadKnowsFormats(t *testing.T) {
	for name, c := range map[string]struct {
		text, kind string
		papers     int
	}{
		"BibTeX by its entries": {bib, "bibtex", 3}, "daily papers": {daily, "huggingface", 2}, "arXiv": {atomFeed(1, entry(1)), "arxiv", 1},
		"Atom": {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title></entry></feed>`, "rss", 1}, "page": {"\ufeff" + page, "page", 4},
	} {
		kind, seq := Read("file", []byte(c.text), Options{Date: day("2026-05-01")})
		if got, _, err := collect(seq); kind != c.kind || len(got) != c.papers || err != nil {
			t.Errorf("%s: %s with %d papers, %v", name, kind, len(got), err)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, _, err := Open(path, Options{}); err == nil {
			t.Errorf("%s opens", path)
		}
	}
	for _, broken := range []string{"[", "<rss>", "{", "<a", "\x00\xff"} {
		_, seq := Read("file", []byte(broken), Options{})
		if _, _, err := collect(seq); err == nil || !strings.HasPrefix(err.Error(), "file: ") {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(daily))
	f.Add([]byte(`{"message":{"title":["x"],"issued":{"date-parts":[[2024,5]]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		for range parseDailyPapers(data) {
			n++
		}
		if n > len(data)+1 {
			t.Error("more papers than bytes")
		}
		if p, err := parseCitation(data, "10.1000/x"); err == nil && p.Title == "" {
			t.Error("no title")
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(atomFeed(1, entry(1))))
	f.Add([]byte(`<rss version="2.0"><channel><item><title>x</title><description>&lt;p&gt;y</description></item></channel></rss>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, seq := Read("x", data, Options{Date: day("2026-05-01")})
		for range seq {
		}
	})
}

package room

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio"
)

type searchPage struct {
	page
	choice
	Q           string
	Like        *feed.Paper // papers like it are shown
	LikePath    string
	From, Until string // years
	Asked       bool   // something was searched for
	Found       *search.Found
	Cards       []card
	Pager       pager
	Families    []family
	Statuses    []report.Status
	Query       string // of this search, for following it and for digests
	Followed    bool
	Path        string // of this search
	Feed        string
	Subscribe   subscribeBox
}

var statuses = []report.Status{report.Reproduced, report.Partly, report.NotReproduced, report.NotTested}

// The years that can be chosen.
const leastYear, mostYear = 1900, 2200

// maxQuery is the longest query, in bytes; that of what can be followed.
const maxQuery = 400

// search answers a query, as it stands or while it is being typed ("instant" is set).
func (s *Section) search(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	me, err := s.page(r)
	if err != nil {
		return err
	}
	v := searchPage{page: me, choice: choiceOf(q), Q: strings.TrimSpace(q.Get("q")), Families: families(), Statuses: statuses, Found: &search.Found{}}
	if len(v.Q) > maxQuery {
		return studio.Refuse(http.StatusBadRequest, "A search has at most %d bytes.", maxQuery)
	}
	var filter search.Filter
	filter.Families, filter.Runnable = v.choice.Families, v.Runnable
	if v.Status != "" {
		filter.Status = []string{v.Status}
	}
	v.From, filter.Published.From = year(q.Get("from"), 0)
	v.Until, filter.Published.To = year(q.Get("until"), 1)
	n := pageOf(q)
	like := ""
	var results []search.Result
	if id, err := strconv.ParseInt(q.Get("like"), 10, 64); err == nil && v.Q == "" {
		p, err := s.Config.Feed.Paper(ctx, id)
		if err != nil {
			return problem(err)
		}
		v.Like, v.LikePath, like, v.Asked = &p, paperPath(p), strconv.FormatInt(p.ID, 10), true
		if results, err = s.Index.More(ctx, p.ID, filter, pageSize); err != nil {
			return problem(err)
		}
		v.Found.Total = len(results)
	} else if v.Asked = v.Q != "" || v.Any() || v.From != "" || v.Until != ""; v.Asked {
		v.Found, err = s.Index.Search(ctx, search.Request{Query: v.Q, Filter: filter, Instant: q.Get("instant") != "", Limit: pageSize + 1, Offset: (n - 1) * pageSize})
		if err != nil {
			return err
		}
		results = v.Found.Results
	}
	link := func(page string) string {
		return v.Link("/search", "q", v.Q, "like", like, "from", v.From, "until", v.Until, "page", page)
	}
	v.Path = link("")
	list := make([]feed.Paper, len(results))
	for i := range results {
		list[i] = results[i].Paper
	}
	list, v.Pager = leaf(list, n, link)
	if v.Cards, err = s.cards(ctx, v.Me, list); err != nil {
		return err
	}
	for i := range v.Cards {
		v.Cards[i].Heading = results[i].Title
		if slices.ContainsFunc(results[i].Snippet, func(p search.Span) bool { return p.Hit }) {
			v.Cards[i].Lead = results[i].Snippet
		}
	}
	if v.Like == nil {
		v.Query = v.choice.query(v.Q)
		v.Feed = feedOf("atom", v.Query)
		v.Subscribe = s.subscribeBox(v.page, v.Query)
		if v.Me != nil && v.Query != "" {
			follows, err := s.Readers.Follows(ctx, v.Me.ID)
			if err != nil {
				return err
			}
			v.Followed = slices.ContainsFunc(follows, func(f readers.Follow) bool { return f.Query == v.Query })
		}
	}
	title := "Search"
	switch {
	case v.Like != nil:
		title = "Papers like “" + v.Like.Title + "”"
	case v.Q != "":
		title = v.Q + " – search"
	}
	return s.render(w, r, studio.View{Title: title, Name: "search.html", Data: v})
}

// query is a search with a choice, in the words of [search.ParseQuery].
func (c choice) query(text string) string {
	words := strings.Fields(text)
	if len(c.Families) > 0 {
		words = append(words, readers.FollowFamily(strings.Join(c.Families, ",")))
	}
	if c.Runnable {
		words = append(words, "is:runnable")
	}
	if c.Status != "" {
		words = append(words, `status:"`+c.Status+`"`)
	}
	return strings.Join(words, " ")
}

// feedOf is the address of the feed of a query.
func feedOf(format, query string) string {
	if query == "" {
		return "/feed." + format
	}
	return "/feed." + format + "?" + url.Values{"q": {query}}.Encode()
}

// FeedIn is the address of the feed of this search in a format.
func (p searchPage) FeedIn(format string) string { return feedOf(format, p.Query) }

// year reads a year of a form, and returns it again with the time at which it begins, or the one so many years later.
func year(s string, later int) (string, time.Time) {
	y, err := strconv.Atoi(s)
	if err != nil || y < leastYear || y > mostYear {
		return "", time.Time{}
	}
	return strconv.Itoa(y), time.Date(y+later, 1, 1, 0, 0, 0, 0, time.UTC)
}

// found returns the papers of a query for a feed. Without an index only the whole feed and families can be asked for.
func (s *Section) found(ctx context.Context, query string) ([]feed.Paper, error) {
	if len(query) > maxQuery {
		return nil, studio.Refuse(http.StatusBadRequest, "A search has at most %d bytes.", maxQuery)
	}
	f := feed.Filter{Limit: feedSize}
	name, isFamily := strings.CutPrefix(query, readers.FollowFamily(""))
	if isFamily && !strings.ContainsAny(name, " ,\"") {
		f.Families = []string{name}
	}
	if query == "" || len(f.Families) > 0 {
		return s.Config.Feed.List(ctx, f)
	}
	if s.Index == nil {
		return nil, studio.Refuse(http.StatusNotFound, "Papers cannot be searched here, so that there is no feed of this.")
	}
	return s.Index.Find(ctx, query, time.Time{}, feedSize)
}

package room

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio"
)

const (
	pageSize = 25
	// maxPages is how far one can leaf through; beyond it the archive is the better way.
	maxPages = 40
)

// choice is what a list is narrowed to, as its form and its links have it.
type choice struct {
	Families []string
	Runnable bool
	Status   string // of a claim; only a search knows it
}

func choiceOf(q url.Values) choice {
	c := choice{Runnable: q.Get("runnable") != ""}
	for _, f := range q["family"] {
		if slices.Contains(papers.Families, papers.Family(f)) && !slices.Contains(c.Families, f) {
			c.Families = append(c.Families, f)
		}
	}
	if status := q.Get("status"); slices.Contains(statuses, report.Status(status)) {
		c.Status = status
	}
	return c
}

// Family is the one chosen, for a form that offers one.
func (c choice) Family() string {
	if len(c.Families) == 0 {
		return ""
	}
	return c.Families[0]
}

// Any reports whether something was chosen.
func (c choice) Any() bool { return c.Runnable || len(c.Families) > 0 || c.Status != "" }

// values are the parameters of links that keep the choice.
func (c choice) values() url.Values {
	v := url.Values{}
	for _, f := range c.Families {
		v.Add("family", f)
	}
	if c.Runnable {
		v.Set("runnable", "1")
	}
	if c.Status != "" {
		v.Set("status", c.Status)
	}
	return v
}

func (c choice) filter(f feed.Filter) feed.Filter {
	f.Families, f.Runnable = c.Families, c.Runnable
	return f
}

// Link is an address with the choice and more parameters, of which empty ones are left out.
func (c choice) Link(path string, more ...string) string {
	v := c.values()
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			v.Set(more[i], more[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// pager leads to the pages of a list.
type pager struct {
	Page           int
	Previous, Next string // addresses, empty if there is none
	Full           bool   // there is more, but not here
}

func pageOf(q url.Values) int {
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return 1
	}
	return min(max(n, 1), maxPages)
}

// leaf turns one paper more than a page holds into a page and its pager.
func leaf(list []feed.Paper, n int, link func(page string) string) ([]feed.Paper, pager) {
	p := pager{Page: n}
	if n > 1 {
		p.Previous = link(pageText(n - 1))
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		if p.Full = n == maxPages; !p.Full {
			p.Next = link(pageText(n + 1))
		}
	}
	return list, p
}

func pageText(n int) string {
	if n == 1 {
		return ""
	}
	return strconv.Itoa(n)
}

// tab is a view of a list.
type tab struct {
	Label, Href string
	Current     bool
}

// group is a part of a list under one heading.
type group struct {
	Name  string // a day; empty for no heading
	Path  string // of that day in the archive
	Cards []card
}

type frontPage struct {
	page
	choice
	Trending  string // the window, empty for the newest
	Newest    string // address of the newest
	Tabs      []tab  // of what trends
	Groups    []group
	Families  []family
	Pager     pager
	Calendar  *calendar
	Query     string // that stands for the choice
	Subscribe subscribeBox
}

// front is the first page: what is new, or what trends.
func (s *Section) front(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	me, err := s.page(r)
	if err != nil {
		return err
	}
	v := frontPage{page: me, choice: choiceOf(q), Families: families()}
	if t := q.Get("trending"); t == string(feed.Day) || t == string(feed.Week) || t == string(feed.Month) {
		v.Trending = t
	}
	v.Newest = v.Link("/")
	for _, window := range []string{"day", "week", "month"} {
		v.Tabs = append(v.Tabs, tab{window, v.Link("/", "trending", window), v.Trending == window})
	}
	n := pageOf(q)
	f := v.filter(feed.Filter{Limit: pageSize + 1, Offset: (n - 1) * pageSize})
	var list []feed.Paper
	if v.Trending == "" {
		list, err = s.Config.Feed.List(ctx, f)
	} else {
		f.Order, f.Window, f.Now = feed.Trending, feed.Period(v.Trending), s.server.Now()
		list, err = s.order.list(ctx, s.Config.Feed, v.Link("", "trending", v.Trending, "page", pageText(n)), f)
	}
	if err != nil {
		return err
	}
	var newest time.Time
	if len(list) > 0 && v.Trending == "" {
		newest = list[0].Listed
	}
	list, v.Pager = leaf(list, n, func(p string) string { return v.Link("/", "trending", v.Trending, "page", p) })
	if v.Groups, err = s.byDay(ctx, v.page, list, v.Trending == ""); err != nil {
		return err
	}
	if v.Calendar, err = s.calendar(ctx, newest, time.Time{}); err != nil {
		return err
	}
	if s.Index == nil { // what is left to follow is the whole feed, and families
		v.choice.Runnable = false
	}
	v.Query = v.choice.query("")
	v.Subscribe = s.subscribeBox(v.page, v.Query)
	title := ""
	if v.Trending != "" {
		title = "Trending papers"
	}
	return s.render(w, r, studio.View{Title: title, Summary: "New papers about neural dynamics, and those that run here.", Name: "front.html", Data: v})
}

// FeedIn is the address of the feed of this list in a format.
func (p frontPage) FeedIn(format string) string { return feedOf(format, p.Query) }

// byDay parts papers by the day of their listing.
func (s *Section) byDay(ctx context.Context, p page, list []feed.Paper, headings bool) ([]group, error) {
	cards, err := s.cards(ctx, p.Me, list)
	if err != nil || len(cards) == 0 {
		return nil, err
	}
	if !headings {
		return []group{{Cards: cards}}, nil
	}
	var out []group
	for _, c := range cards {
		day := c.Listed.Format(time.DateOnly)
		if path := "/archive/" + day; len(out) == 0 || out[len(out)-1].Path != path {
			out = append(out, group{Name: dayName(c.Listed), Path: path})
		}
		g := &out[len(out)-1]
		g.Cards = append(g.Cards, c)
	}
	return out, nil
}

type archivePage struct {
	page
	choice
	Years []archiveYear
}

type archiveYear struct {
	Year   int
	Papers int
	Months []archiveMonth
}

type archiveMonth struct {
	Name, Path string
	Papers     int
}

// archive lists all months.
func (s *Section) archive(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	months, err := s.Config.Feed.Archive(r.Context(), feed.Month, feed.Span{})
	if err != nil {
		return err
	}
	v := archivePage{page: me}
	for _, b := range months {
		y := b.Span.From.Year()
		if len(v.Years) == 0 || v.Years[len(v.Years)-1].Year != y {
			v.Years = append(v.Years, archiveYear{Year: y})
		}
		year := &v.Years[len(v.Years)-1]
		year.Papers += b.Papers
		year.Months = append(year.Months, archiveMonth{b.Span.From.Format("January"), "/archive/" + b.Name, b.Papers})
	}
	return s.render(w, r, studio.View{Title: "Archive", Name: "archive.html", Data: v})
}

type periodPage struct {
	page
	choice
	Heading        string
	Kind           feed.Period
	Path           string
	Papers         int // of the period, whatever is chosen
	Previous, Next string
	PreviousName   string
	NextName       string
	Cards          []card
	Families       []family
	Pager          pager
	Calendar       *calendar
}

// period shows the papers of a day, a week or a month.
func (s *Section) period(w http.ResponseWriter, r *http.Request) error {
	ctx, q, name := r.Context(), r.URL.Query(), r.PathValue("period")
	kind, span, err := feed.ParsePeriod(name)
	if err != nil || span.From.Year() < 1900 || span.From.Year() > 2200 {
		return studio.Refuse(http.StatusNotFound, "The archive goes by days such as 2026-04-20, weeks such as 2026-W17, and months such as 2026-04.")
	}
	me, err := s.page(r)
	if err != nil {
		return err
	}
	v := periodPage{page: me, choice: choiceOf(q), Kind: kind, Path: "/archive/" + name, Families: families()}
	switch kind {
	case feed.Day:
		v.Heading = dayName(span.From)
	case feed.Week:
		year, week := span.From.ISOWeek()
		v.Heading = fmt.Sprintf("Week %d of %d", week, year)
	default:
		v.Heading = span.From.Format("January 2006")
	}
	n := pageOf(q)
	list, err := s.Config.Feed.List(ctx, v.filter(feed.Filter{Listed: span, Limit: pageSize + 1, Offset: (n - 1) * pageSize}))
	if err != nil {
		return err
	}
	list, v.Pager = leaf(list, n, func(p string) string { return v.Link(v.Path, "page", p) })
	if v.Cards, err = s.cards(ctx, v.Me, list); err != nil {
		return err
	}
	if err := s.neighbours(ctx, &v, span); err != nil {
		return err
	}
	if v.Calendar, err = s.calendar(ctx, span.From, dayOf(kind, span)); err != nil {
		return err
	}
	return s.render(w, r, studio.View{Title: v.Heading, Name: "period.html", Data: v})
}

func dayOf(kind feed.Period, span feed.Span) time.Time {
	if kind == feed.Day {
		return span.From
	}
	return time.Time{}
}

// neighbours finds the periods before and after that have papers, and counts those of this one.
func (s *Section) neighbours(ctx context.Context, v *periodPage, span feed.Span) error {
	in := func(within feed.Span) ([]feed.Bucket, error) { return s.Config.Feed.Archive(ctx, v.Kind, within) }
	here, err := in(span)
	if err != nil {
		return err
	}
	for _, b := range here {
		v.Papers += b.Papers
	}
	// The neighbour is nearly always near; only if not, all that lies there is looked at.
	const near = 100 * 24 * time.Hour
	before, err := in(feed.Span{From: span.From.Add(-near), To: span.From})
	if err == nil && len(before) == 0 {
		before, err = in(feed.Span{To: span.From})
	}
	if err != nil {
		return err
	}
	if len(before) > 0 {
		v.Previous, v.PreviousName = "/archive/"+before[0].Name, shortName(v.Kind, before[0])
	}
	after, err := in(feed.Span{From: span.To, To: span.To.Add(near)})
	if err == nil && len(after) == 0 {
		after, err = in(feed.Span{From: span.To})
	}
	if err != nil {
		return err
	}
	if len(after) > 0 {
		b := after[len(after)-1]
		v.Next, v.NextName = "/archive/"+b.Name, shortName(v.Kind, b)
	}
	return nil
}

func shortName(kind feed.Period, b feed.Bucket) string {
	switch kind {
	case feed.Day:
		return b.Span.From.Format("2 January")
	case feed.Month:
		return b.Span.From.Format("January 2006")
	}
	return b.Name
}

// calendar is a month of the archive.
type calendar struct {
	Name, Path     string
	Weeks          [][7]calendarDay
	Previous, Next string // addresses of the months around it
	PreviousName   string
	NextName       string
}

type calendarDay struct {
	Day     int // 0 outside the month
	Label   string
	Path    string // empty for a day without papers
	Level   int    // 1 to 4 by how many papers there are
	Current bool
}

// calendar is the month that a time lies in, or the newest with papers if it is zero.
func (s *Section) calendar(ctx context.Context, t, current time.Time) (*calendar, error) {
	if t.IsZero() {
		newest, err := s.Config.Feed.List(ctx, feed.Filter{Limit: 1})
		if err != nil || len(newest) == 0 {
			return nil, err
		}
		t = newest[0].Listed
	}
	span := feed.Month.Around(t)
	days, err := s.Config.Feed.Archive(ctx, feed.Day, span)
	if err != nil {
		return nil, err
	}
	c := &calendar{Name: span.From.Format("January 2006"), Path: "/archive/" + span.From.Format("2006-01")}
	before, after := span.From.AddDate(0, -1, 0), span.To
	c.Previous, c.PreviousName = "/archive/"+before.Format("2006-01"), before.Format("January 2006")
	c.Next, c.NextName = "/archive/"+after.Format("2006-01"), after.Format("January 2006")
	most, counts := 0, map[string]int{}
	for _, b := range days {
		counts[b.Name] = b.Papers
		most = max(most, b.Papers)
	}
	for day := span.From; day.Before(span.To); day = day.AddDate(0, 0, 1) {
		column := (int(day.Weekday()) + 6) % 7
		if len(c.Weeks) == 0 || column == 0 {
			c.Weeks = append(c.Weeks, [7]calendarDay{})
		}
		name := day.Format(time.DateOnly)
		d := calendarDay{Day: day.Day(), Current: day.Equal(current)}
		if n := counts[name]; n > 0 {
			d.Path, d.Level, d.Label = "/archive/"+name, 1+(4*n-1)/most, fmt.Sprintf("%s: %s", day.Format("2 January"), papersText(n))
			d.Level = min(d.Level, 4)
		}
		c.Weeks[len(c.Weeks)-1][column] = d
	}
	return c, nil
}

func papersText(n int) string {
	if n == 1 {
		return "1 paper"
	}
	return strconv.Itoa(n) + " papers"
}

package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// ErrNotFound is the error for a paper that the feed does not have.
var ErrNotFound = errors.New("the feed has no such paper")

// columns of papers p in the order of scan.
const columns = `p.id, p.arxiv, p.arxiv_version, p.doi, p.title, p.abstract, p.authors, p.author_count, p.organisation, p.published, p.listed, p.url,
	p.upvotes, p.comments, p.own_upvotes, p.own_comments, p.own_runs, p.slug, p.family, p.version, p.updated, p.sources`

// scan reads a row of columns and of what follows them.
func scan(row interface{ Scan(...any) error }, p *Paper, more ...any) error {
	var authors, sources string
	var published, listed, updated sql.NullInt64
	err := row.Scan(append([]any{&p.ID, &p.ArXiv, &p.ArXivVersion, &p.DOI, &p.Title, &p.Abstract, &authors, &p.AuthorCount, &p.Organisation,
		&published, &listed, &p.URL, &p.Upvotes, &p.Comments, &p.Own.Upvotes, &p.Own.Comments, &p.Own.Runs, &p.Slug, &p.Family, &p.Version,
		&updated, &sources}, more...)...)
	if err != nil {
		return err
	}
	p.Published, p.Listed, p.Updated = unstamp(published), unstamp(listed), unstamp(updated)
	if authors != "[]" {
		if err := json.Unmarshal([]byte(authors), &p.Authors); err != nil {
			return fmt.Errorf("authors of paper %d: %w", p.ID, err)
		}
	}
	if err := json.Unmarshal([]byte(sources), &p.Sources); err != nil {
		return fmt.Errorf("sources of paper %d: %w", p.ID, err)
	}
	return nil
}

func (s *Store) papers(ctx context.Context, query string, args ...any) ([]Paper, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the feed: %w", err)
	}
	defer rows.Close()
	var out []Paper
	for rows.Next() {
		var p Paper
		if err := scan(rows, &p); err != nil {
			return nil, fmt.Errorf("reading the feed: %w", err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the feed: %w", err)
	}
	return out, nil
}

func (s *Store) one(ctx context.Context, name, where string, args ...any) (Paper, error) {
	found, err := s.papers(ctx, "SELECT "+columns+" FROM papers p WHERE gone = '' AND "+where+" ORDER BY p.id LIMIT 1", args...)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return Paper{}, err
	}
	return found[0], nil
}

// Paper returns the paper with that ID, or the one it was merged into. The error of a paper that is unknown or removed is [ErrNotFound].
func (s *Store) Paper(ctx context.Context, id int64) (Paper, error) {
	return s.one(ctx, fmt.Sprintf("paper %d", id), "p.id = (SELECT coalesce(merged_into, id) FROM papers WHERE id = ?)", id)
}

// ByArXiv returns the paper with that arXiv ID, in any spelling that [ParseArXiv] reads.
func (s *Store) ByArXiv(ctx context.Context, arxiv string) (Paper, error) {
	id, _, ok := ParseArXiv(arxiv)
	if !ok {
		return Paper{}, fmt.Errorf("%.60q is no arXiv ID", arxiv)
	}
	return s.one(ctx, "arXiv "+id, "p.id IN (SELECT paper FROM identities WHERE kind = 'arxiv' AND value = ?)", id)
}

// ByDOI returns the paper with that DOI.
func (s *Store) ByDOI(ctx context.Context, doi string) (Paper, error) {
	id, ok := ParseDOI(doi)
	if !ok {
		return Paper{}, fmt.Errorf("%.60q is no DOI", doi)
	}
	return s.one(ctx, "DOI "+id, "p.id IN (SELECT paper FROM identities WHERE kind = 'doi' AND value = ?)", id)
}

// BySlug returns the paper that is the registered system of that slug.
func (s *Store) BySlug(ctx context.Context, slug string) (Paper, error) {
	return s.one(ctx, fmt.Sprintf("system %q", slug), "p.slug = ? AND p.slug <> ''", slug)
}

// Papers returns the papers with those IDs in that order, without those that are unknown, removed or merged.
func (s *Store) Papers(ctx context.Context, ids ...int64) ([]Paper, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return s.papers(ctx, "SELECT "+columns+" FROM json_each(?) j CROSS JOIN papers p ON p.id = j.value WHERE p.gone = '' ORDER BY j.key", string(list))
}

// Versions returns the texts of a paper, the present one first.
func (s *Store) Versions(ctx context.Context, id int64) ([]Paper, error) {
	p, err := s.Paper(ctx, id)
	if err != nil {
		return nil, err
	}
	out := []Paper{p}
	rows, err := s.db.QueryContext(ctx, "SELECT document FROM versions WHERE paper = ? ORDER BY version DESC", p.ID)
	if err != nil {
		return nil, fmt.Errorf("reading the versions of paper %d: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var document []byte
		var old Paper
		if err := rows.Scan(&document); err != nil {
			return nil, fmt.Errorf("reading the versions of paper %d: %w", id, err)
		}
		if err := json.Unmarshal(document, &old); err != nil {
			return nil, fmt.Errorf("reading the versions of paper %d: %w", id, err)
		}
		out = append(out, old)
	}
	return out, rows.Err()
}

// Span is the time from From up to but without To. A zero time stands for no bound.
type Span struct{ From, To time.Time }

// Period is a length of the calendar, in UTC.
type Period string

// The periods of the archive and of trending.
const (
	Day   Period = "day"
	Week  Period = "week" // from Monday, as in ISO 8601
	Month Period = "month"
)

// Around returns the period that t lies in.
func (p Period) Around(t time.Time) Span {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch p {
	case Week:
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
		return Span{day, day.AddDate(0, 0, 7)}
	case Month:
		day = day.AddDate(0, 0, 1-day.Day())
		return Span{day, day.AddDate(0, 1, 0)}
	}
	return Span{day, day.AddDate(0, 0, 1)}
}

// ParsePeriod reads a date of the archive: 2026-04-20 is a day, 2026-W17 a week, 2026-04 a month.
func ParsePeriod(s string) (Period, Span, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return Day, Day.Around(t), nil
	}
	if t, err := time.Parse("2006-01", s); err == nil {
		return Month, Month.Around(t), nil
	}
	var year, week int
	if n, err := fmt.Sscanf(s, "%4d-W%2d", &year, &week); err == nil && n == 2 && week >= 1 {
		span := Week.Around(time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*(week-1))) // January 4 is in week 1
		if y, w := span.From.ISOWeek(); y == year && w == week {
			return Week, span, nil
		}
	}
	return "", Span{}, fmt.Errorf("%q is neither a day (2026-04-20), a week (2026-W17) nor a month (2026-04)", s)
}

// Order is the order of a list.
type Order string

// The orders of a list.
const (
	Newest   Order = ""         // listed last first
	ByDate   Order = "date"     // published last first
	Trending Order = "trending" // only papers that something happened to within the window, see [Store.Trending]
)

// Filter chooses papers. Its zero value lists all of them, newest first.
type Filter struct {
	Listed    Span
	Published Span
	Families  []string // any of these
	Runnable  bool     // only those that are registered systems
	Order     Order
	Window    Period    // of the order Trending
	Now       time.Time // of the order Trending; zero is the present
	Limit     int       // 0 for no limit
	Offset    int
}

// List returns the papers a filter chooses.
func (s *Store) List(ctx context.Context, f Filter) ([]Paper, error) {
	where, args := f.where()
	with, from, order := "", "papers p", "p.listed DESC, p.id DESC"
	switch f.Order {
	case Newest:
	case ByDate:
		order = "p.published DESC, p.id DESC"
	case Trending:
		scores, more, err := s.scores(f.Window, f.Now)
		if err != nil {
			return nil, err
		}
		with, from, order = scores, "scores CROSS JOIN papers p ON p.id = scores.paper", "scores.score DESC, p.listed DESC, p.id DESC"
		args = append(more, args...)
	default:
		return nil, fmt.Errorf("no order is called %q", f.Order)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = -1
	}
	return s.papers(ctx, with+"SELECT "+columns+" FROM "+from+" WHERE "+where+" ORDER BY "+order+" LIMIT ? OFFSET ?", append(args, limit, max(0, f.Offset))...)
}

// Count returns how many papers a filter chooses, whatever its order, limit and offset.
func (s *Store) Count(ctx context.Context, f Filter) (int, error) {
	where, args := f.where()
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM papers p WHERE "+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting papers: %w", err)
	}
	return n, nil
}

func (f *Filter) where() (string, []any) {
	parts, args := []string{"p.gone = ''"}, []any{}
	add := func(condition string, more ...any) { parts, args = append(parts, condition), append(args, more...) }
	for column, span := range map[string]Span{"p.listed": f.Listed, "p.published": f.Published} {
		if !span.From.IsZero() {
			add(column+" >= ?", span.From.UnixMilli())
		}
		if !span.To.IsZero() {
			add(column+" < ?", span.To.UnixMilli())
		}
	}
	if len(f.Families) > 0 {
		for i, family := range f.Families {
			if i == 0 {
				add("p.family IN (?"+strings.Repeat(", ?", len(f.Families)-1)+")", family)
			} else {
				args = append(args, family)
			}
		}
	}
	if f.Runnable {
		add("p.slug <> ''")
	}
	return strings.Join(parts, " AND "), args
}

// Bucket is one period of the archive.
type Bucket struct {
	Name   string // as [ParsePeriod] reads it
	Span   Span
	Papers int
}

// Archive returns the periods in which papers were listed within a span of whole days, newest first, with how many.
func (s *Store) Archive(ctx context.Context, by Period, within Span) ([]Bucket, error) {
	const day = 24 * time.Hour
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !within.From.IsZero() {
		from = within.From.UnixMilli() / day.Milliseconds()
	}
	if !within.To.IsZero() {
		to = within.To.UnixMilli() / day.Milliseconds()
	}
	rows, err := s.db.QueryContext(ctx, "SELECT day, papers FROM days WHERE papers > 0 AND day >= ? AND day < ? ORDER BY day DESC", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	defer rows.Close()
	var out []Bucket
	for rows.Next() {
		var number int64
		var n int
		if err := rows.Scan(&number, &n); err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		span := by.Around(time.UnixMilli(number * day.Milliseconds()))
		if len(out) == 0 || !out[len(out)-1].Span.From.Equal(span.From) {
			out = append(out, Bucket{Name: by.name(span.From), Span: span})
		}
		out[len(out)-1].Papers += n
	}
	return out, rows.Err()
}

func (p Period) name(t time.Time) string {
	switch p {
	case Week:
		year, week := t.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	case Month:
		return t.Format("2006-01")
	}
	return t.Format(time.DateOnly)
}

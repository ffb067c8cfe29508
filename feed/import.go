package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Summary is what an import did.
type Summary struct {
	Seen      int       `json:"seen"`
	Added     int       `json:"added"`
	Updated   int       `json:"updated"`   // known papers that got a new text, or more of what was missing
	Merged    int       `json:"merged"`    // papers of the feed that turned out to be another one
	Unchanged int       `json:"unchanged"` // known papers with nothing new
	Refused   int       `json:"refused"`
	Reasons   []Refusal `json:"reasons,omitempty"` // of the first refused papers
}

// Add adds what another import did.
func (s *Summary) Add(o Summary) {
	s.Seen += o.Seen
	s.Added += o.Added
	s.Updated += o.Updated
	s.Merged += o.Merged
	s.Unchanged += o.Unchanged
	s.Refused += o.Refused
	s.Reasons = append(s.Reasons, o.Reasons[:min(len(o.Reasons), maxReasons-min(maxReasons, len(s.Reasons)))]...)
}

func (s Summary) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		says string
	}{{s.Added, "added"}, {s.Updated, "updated"}, {s.Merged, "merged"}, {s.Unchanged, "unchanged"}, {s.Refused, "refused"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.says))
		}
	}
	if len(parts) == 0 {
		return "no papers"
	}
	return strings.Join(parts, ", ")
}

// Refusal is a paper that a source offered and that was not taken. A source yields it as an error to say that one item is unusable and
// the next may be good.
type Refusal struct {
	Title  string `json:"title,omitempty"`
	Where  string `json:"where,omitempty"` // the place in the source, such as a line
	Reason string `json:"reason"`
}

func (r *Refusal) Error() string {
	var parts []string
	if r.Where != "" {
		parts = append(parts, r.Where)
	}
	if r.Title != "" {
		parts = append(parts, fmt.Sprintf("%.80q", r.Title))
	}
	return strings.Join(append(parts, r.Reason), ": ")
}

const (
	maxReasons = 100 // reasons kept in a summary
	batchSize  = 500 // papers in one transaction
)

// authority orders sources by how far their texts are to be trusted; a text is replaced only by one of at least the same authority. The
// name of a source is its kind, or begins with its kind and a colon.
func authority(source string) int {
	kind, _, _ := strings.Cut(source, ":")
	return max(1, slices.Index([]string{"", "registry", "page", "rss", "bibtex", "huggingface", "doi", "arxiv"}, kind))
}

// Import stores papers. Source names where they come from: its kind ("arxiv", "doi", "huggingface", "bibtex", "rss", "page", "registry"),
// or the kind with more after a colon; the kind decides whose text is kept where sources differ, see [Store.Versions] for the others.
//
// A paper is the one that is known already if their arXiv IDs are equal, or else their DOIs, or else their normalised titles
// ([TitleKey]), unless arXiv IDs or authors speak against it. What the known paper lacks is filled in; a text is replaced by one from a
// source of the same or a higher kind, but not by an older arXiv version; counts only grow. A paper that links two known ones merges
// them. Importing the same again changes nothing.
//
// A [Refusal] in papers, or a paper that cannot be kept, is counted and the import goes on. Any other error ends it: it is returned, and
// what came before it stays stored.
func (s *Store) Import(ctx context.Context, source string, papers iter.Seq2[Paper, error]) (Summary, error) {
	var sum Summary
	refuse := func(r Refusal) {
		sum.Refused++
		if len(sum.Reasons) < maxReasons {
			sum.Reasons = append(sum.Reasons, r)
		}
	}
	if source == "" || source != line(source) || len(source) > 200 {
		return sum, fmt.Errorf("%.60q cannot be the name of a source", source)
	}
	batch := make([]Paper, 0, batchSize)
	store := func() error {
		if len(batch) == 0 {
			return nil
		}
		before := sum
		err := s.Update(ctx, func(tx *sql.Tx) error {
			im, err := newImporter(ctx, tx, source, s.now())
			if err != nil {
				return err
			}
			for i := range batch {
				did, err := im.put(&batch[i])
				var refused *Refusal
				switch {
				case errors.As(err, &refused):
					refuse(*refused)
				case err != nil:
					return fmt.Errorf("storing %.80q: %w", batch[i].Title, err)
				}
				sum.Add(did)
			}
			return nil
		})
		batch = batch[:0]
		if err != nil {
			sum = before // the transaction is undone
		}
		return err
	}
	var failed error
	for p, err := range papers {
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			sum.Seen++
			refuse(*refused)
			continue
		case err != nil:
			failed = err
		default:
			sum.Seen++
			if err := p.clean(s.now()); err != nil {
				refuse(Refusal{Title: line(p.Title[:min(len(p.Title), 200)]), Reason: err.Error()})
				continue
			}
			if batch = append(batch, p); len(batch) == batchSize {
				failed = store()
			}
		}
		if failed != nil || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		if err := store(); failed == nil {
			failed = err
		}
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return sum, failed
}

// importer stores papers in one transaction.
type importer struct {
	ctx        context.Context
	tx         *sql.Tx
	source     string
	authority  int
	now        time.Time
	statements map[string]*sql.Stmt
	systems    map[string]System // by arXiv ID and by title key
}

func newImporter(ctx context.Context, tx *sql.Tx, source string, now time.Time) (*importer, error) {
	im := &importer{ctx: ctx, tx: tx, source: source, authority: authority(source), now: now, statements: map[string]*sql.Stmt{}}
	var err error
	im.systems, err = systems(ctx, tx)
	return im, err
}

// statement prepares a query once per transaction.
func (im *importer) statement(query string) (*sql.Stmt, error) {
	if st, ok := im.statements[query]; ok {
		return st, nil
	}
	st, err := im.tx.PrepareContext(im.ctx, query)
	if err == nil {
		im.statements[query] = st
	}
	return st, err
}

func (im *importer) exec(query string, args ...any) (sql.Result, error) {
	st, err := im.statement(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(im.ctx, args...)
}

func (im *importer) query(query string, args ...any) (*sql.Rows, error) {
	st, err := im.statement(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(im.ctx, args...)
}

// known is a row of papers with what only the import looks at.
type known struct {
	Paper
	authority int
	gone      string
}

// put stores one clean paper.
func (im *importer) put(p *Paper) (did Summary, err error) {
	same, err := im.find(p)
	if err != nil {
		return did, err
	}
	for _, k := range same {
		if k.gone != "" {
			return did, &Refusal{Title: p.Title, Reason: "it was removed from this feed: " + k.gone}
		}
	}
	if len(same) == 0 {
		did.Added = 1
		return did, im.add(p)
	}
	keep := same[0]
	before := keep.Paper
	for _, other := range same[1:] {
		if keep.ArXiv != "" && other.ArXiv != "" && keep.ArXiv != other.ArXiv {
			continue // p bears the DOI of one and the arXiv ID of the other; the arXiv ID decides
		}
		if err := im.merge(keep, other); err != nil {
			return did, err
		}
		did.Merged++
	}
	im.fill(keep, p, im.authority)
	if !slices.Contains(keep.Sources, im.source) {
		keep.Sources = append(slices.Clone(keep.Sources), im.source)
	}
	changed, err := im.update(keep, &before)
	switch {
	case err != nil:
		return did, err
	case changed:
		did.Updated = 1
	case did.Merged == 0:
		did.Unchanged = 1
	}
	return did, nil
}

// find returns the known papers that p is, the one that stays first.
func (im *importer) find(p *Paper) ([]*known, error) {
	title := TitleKey(p.Title)
	rows, err := im.query(`SELECT DISTINCT paper, kind FROM identities WHERE kind = 'title' AND value = ?
		OR kind = 'arxiv' AND value = ? OR kind = 'doi' AND value = ?`, title, p.ArXiv, p.DOI)
	if err != nil {
		return nil, err
	}
	byIdentity, byTitle := map[int64]string{}, []int64{}
	for rows.Next() {
		var id int64
		var kind string
		if err := rows.Scan(&id, &kind); err != nil {
			rows.Close()
			return nil, err
		}
		if kind == "title" {
			byTitle = append(byTitle, id)
		} else if byIdentity[id] != "arxiv" {
			byIdentity[id] = kind
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var same []*known
	for id, kind := range byIdentity {
		k, err := im.load(id)
		if err != nil {
			return nil, err
		}
		if kind == "doi" && p.ArXiv != "" && k.ArXiv != "" && p.ArXiv != k.ArXiv {
			continue // two papers on arXiv that name the same DOI
		}
		same = append(same, k)
	}
	for _, id := range byTitle {
		if byIdentity[id] != "" {
			continue
		}
		k, err := im.load(id)
		if err != nil {
			return nil, err
		}
		if k.sameWork(p) && !slices.ContainsFunc(same, func(o *known) bool { return !o.sameWork(&k.Paper) }) {
			same = append(same, k)
		}
	}
	slices.SortFunc(same, func(a, b *known) int { // the oldest entry stays, but the one with p's arXiv ID before others
		if x, y := a.ArXiv != "" && a.ArXiv == p.ArXiv, b.ArXiv != "" && b.ArXiv == p.ArXiv; x != y && a.ArXiv != "" && b.ArXiv != "" {
			if x {
				return -1
			}
			return 1
		}
		return int(min(1, max(-1, a.ID-b.ID)))
	})
	return same, nil
}

func (im *importer) load(id int64) (*known, error) {
	st, err := im.statement("SELECT " + columns + ", authority, gone FROM papers p WHERE id = ?")
	if err != nil {
		return nil, err
	}
	k := &known{}
	return k, scan(st.QueryRowContext(im.ctx, id), &k.Paper, &k.authority, &k.gone)
}

// fill brings what p knows into k.
func (im *importer) fill(k *known, p *Paper, authority int) {
	older := p.ArXivVersion > 0 && k.ArXivVersion > p.ArXivVersion && p.ArXiv == k.ArXiv
	better := authority >= k.authority && !older
	text := func(to *string, from string) {
		if from != "" && (better || *to == "") {
			*to = from
		}
	}
	text(&k.Title, p.Title)
	text(&k.Abstract, p.Abstract)
	text(&k.Organisation, p.Organisation)
	text(&k.DOI, p.DOI)
	text(&k.URL, p.URL)
	if k.ArXiv == "" {
		k.ArXiv = p.ArXiv
	}
	if k.ArXiv == p.ArXiv {
		k.ArXivVersion = max(k.ArXivVersion, p.ArXivVersion)
	}
	if len(p.Authors) > 0 && (better || len(k.Authors) == 0) {
		k.Authors, k.AuthorCount = p.Authors, p.AuthorCount
	} else if len(k.Authors) == 0 && p.AuthorCount > 0 && (better || k.AuthorCount == 0) {
		k.AuthorCount = p.AuthorCount
	}
	if !p.Published.IsZero() && (better || k.Published.IsZero()) {
		k.Published = p.Published
	}
	if !p.Listed.IsZero() && p.Listed.Before(k.Listed) {
		k.Listed = p.Listed
	}
	k.Upvotes, k.Comments = max(k.Upvotes, p.Upvotes), max(k.Comments, p.Comments)
	if better {
		k.authority = authority
	}
}

func (im *importer) add(p *Paper) error {
	if p.Listed.IsZero() {
		p.Listed = p.Published
	}
	if p.Listed.IsZero() {
		p.Listed = im.now.UTC().Truncate(time.Second)
	}
	im.link(p)
	p.Version, p.Updated, p.Sources, p.Own = 1, im.now.UTC().Truncate(time.Millisecond), []string{im.source}, Counts{}
	result, err := im.exec(`INSERT INTO papers (arxiv, arxiv_version, doi, title, abstract, authors, author_count, organisation, published, listed, url,
		upvotes, comments, slug, family, version, updated, sources, authority) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		append(im.row(p), im.authority)...)
	if err != nil {
		return err
	}
	if p.ID, err = result.LastInsertId(); err != nil {
		return err
	}
	if err := im.identify(p); err != nil {
		return err
	}
	for _, sig := range []Signal{{p.ID, listing, 1, p.Listed}, {p.ID, Upvote, p.Upvotes, p.Listed}, {p.ID, Comment, p.Comments, p.Listed}} {
		if err := im.signal(sig); err != nil {
			return err
		}
	}
	return im.changed(p.ID, Put, 0)
}

// row is what is stored of a paper, in the order of the statements that insert and update it.
func (im *importer) row(p *Paper) []any {
	return []any{p.ArXiv, p.ArXivVersion, p.DOI, p.Title, p.Abstract, list(p.Authors), p.AuthorCount, p.Organisation, stamp(p.Published),
		stamp(p.Listed), p.URL, p.Upvotes, p.Comments, p.Slug, p.Family, p.Version, stamp(p.Updated), list(p.Sources)}
}

func list(s []string) string {
	if len(s) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(s) // strings always can
	return string(b)
}

// update stores k, which was before, if anything has changed.
func (im *importer) update(k *known, before *Paper) (changed bool, err error) {
	im.link(&k.Paper)
	textual := k.Title != before.Title || k.Abstract != before.Abstract || !slices.Equal(k.Authors, before.Authors) ||
		k.AuthorCount != before.AuthorCount || k.Organisation != before.Organisation || !k.Published.Equal(before.Published) ||
		k.ArXiv != before.ArXiv || k.ArXivVersion != before.ArXivVersion || k.DOI != before.DOI || k.URL != before.URL
	described := textual || k.Slug != before.Slug || k.Family != before.Family || !k.Listed.Equal(before.Listed)
	counted := k.Upvotes != before.Upvotes || k.Comments != before.Comments
	if !described && !counted && slices.Equal(k.Sources, before.Sources) {
		return false, nil
	}
	if textual {
		replaced := k.Title != before.Title || before.Abstract != "" && k.Abstract != before.Abstract ||
			len(before.Authors) > 0 && !slices.Equal(k.Authors, before.Authors)
		if replaced { // not only filled in
			document, err := json.Marshal(before)
			if err != nil {
				return false, err
			}
			if _, err := im.exec("INSERT INTO versions VALUES (?, ?, ?, ?)", k.ID, before.Version, stamp(im.now), string(document)); err != nil {
				return false, err
			}
			k.Version++
		}
		k.Updated = im.now.UTC().Truncate(time.Millisecond)
	}
	if _, err := im.exec(`UPDATE papers SET arxiv=?, arxiv_version=?, doi=?, title=?, abstract=?, authors=?, author_count=?, organisation=?,
		published=?, listed=?, url=?, upvotes=?, comments=?, slug=?, family=?, version=?, updated=?, sources=?, authority=? WHERE id=?`,
		append(im.row(&k.Paper), k.authority, k.ID)...); err != nil {
		return false, err
	}
	if err := im.identify(&k.Paper); err != nil {
		return false, err
	}
	for _, sig := range []Signal{{k.ID, Upvote, k.Upvotes - before.Upvotes, im.now}, {k.ID, Comment, k.Comments - before.Comments, im.now}} {
		if err := im.signal(sig); err != nil {
			return false, err
		}
	}
	if described {
		err = im.changed(k.ID, Put, 0)
	}
	return true, err
}

// link names the registered system that p is.
func (im *importer) link(p *Paper) {
	system, ok := im.systems[p.ArXiv]
	if !ok || p.ArXiv == "" {
		if system, ok = im.systems[TitleKey(p.Title)]; ok && system.ArXiv != "" && p.ArXiv != "" && system.ArXiv != p.ArXiv {
			ok = false
		}
	}
	p.Slug, p.Family = "", ""
	if ok {
		p.Slug, p.Family = system.Slug, system.Family
	}
}

func (im *importer) identify(p *Paper) error {
	for _, id := range [][2]string{{"title", TitleKey(p.Title)}, {"arxiv", p.ArXiv}, {"doi", p.DOI}} {
		if id[1] == "" {
			continue
		}
		if _, err := im.exec("INSERT OR IGNORE INTO identities VALUES (?, ?, ?)", id[0], id[1], p.ID); err != nil {
			return err
		}
	}
	return nil
}

// merge makes other a part of k. The row of other stays, see the package's text.
func (im *importer) merge(k, other *known) error {
	im.fill(k, &other.Paper, other.authority)
	for _, s := range other.Sources {
		if !slices.Contains(k.Sources, s) {
			k.Sources = append(slices.Clone(k.Sources), s)
		}
	}
	for _, q := range []string{
		// Added where they are stored, since what else follows a merge may correct them there.
		`UPDATE papers SET own_upvotes = papers.own_upvotes + o.own_upvotes, own_comments = papers.own_comments + o.own_comments, own_runs = papers.own_runs + o.own_runs
			FROM papers AS o WHERE papers.id = ?1 AND o.id = ?2`,
		"UPDATE signals SET paper = ?1 WHERE paper = ?2 AND kind <> 'listed'",
		"DELETE FROM signals WHERE paper = ?2 AND ?1 <> ?2",
		"UPDATE OR IGNORE identities SET paper = ?1 WHERE paper = ?2",
		"DELETE FROM identities WHERE paper = ?2 AND ?1 <> ?2",
		"UPDATE papers SET merged_into = ?1 WHERE merged_into = ?2",
		"UPDATE papers SET gone = 'merged', merged_into = ?1, slug = '', family = '' WHERE id = ?2",
	} {
		if _, err := im.exec(q, k.ID, other.ID); err != nil {
			return err
		}
	}
	return im.changed(other.ID, Merged, k.ID)
}

func (im *importer) signal(sig Signal) error {
	if sig.Delta == 0 {
		return nil
	}
	_, err := im.exec(recordSignal, sig.Paper, sig.Kind, sig.Delta, sig.At.UnixMilli())
	return err
}

func (im *importer) changed(id int64, kind ChangeKind, into int64) error {
	_, err := im.exec(recordChange, id, kind, into, stamp(im.now))
	return err
}

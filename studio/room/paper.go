package room

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/studio"
)

type paperPage struct {
	page
	Card       card
	Authors    []string // the first ones
	MoreAuth   []string // the others
	Paragraphs []string
	Links      []link
	System     *papers.Paper // what runs it, nil for none
	Versions   []feed.Paper  // all texts, the present one first; nil if there is only one
	Old        bool          // an earlier text is shown
	Similar    []card
	BibTeX     string
	Threads    []thread
	Comments   int
	Elsewhere  int // comments where the paper was found
	Verified   []readers.Author
	Claim      *readers.Claim // of this reader
	Draft      draft
}

type link struct{ Label, Href string }

// thread is a comment as one reader sees it.
type thread struct {
	*readers.Comment
	Own     bool
	May     bool // may answer and report
	Mod     bool // may delete what others wrote
	Draft   draft
	Answers []thread
}

// draft is a text that could not be taken, kept for its writer to change.
type draft struct {
	Form string // which form it comes from: "new", "answer 7", "edit 7"
	Text string
	Why  string
}

// For returns the draft if it is of that form.
func (d draft) For(form string, id int64) draft {
	if id != 0 {
		form += " " + strconv.FormatInt(id, 10)
	}
	if d.Form == form {
		return d
	}
	return draft{}
}

// namedAuthors is how many authors a page names before it folds the rest away.
const namedAuthors = 20

func (s *Section) paper(w http.ResponseWriter, r *http.Request) error {
	return s.showPaper(w, r, http.StatusOK, draft{})
}

// showPaper shows the page of a paper, with a text that could not be taken if there is one.
func (s *Section) showPaper(w http.ResponseWriter, r *http.Request, status int, d draft) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	ctx := r.Context()
	p, err := s.Config.Feed.Paper(ctx, id)
	if err != nil {
		return problem(err)
	}
	if p.ID != id && r.Method == http.MethodGet { // it is part of another one now
		http.Redirect(w, r, paperPath(p), http.StatusSeeOther)
		return nil
	}
	me, err := s.page(r)
	if err != nil {
		return err
	}
	v := paperPage{page: me, Draft: d, Elsewhere: p.Comments}
	if p.Version > 1 {
		if v.Versions, err = s.Config.Feed.Versions(ctx, p.ID); err != nil {
			return err
		}
	}
	shown := p
	if n, err := strconv.Atoi(r.URL.Query().Get("version")); err == nil && n != p.Version {
		for _, old := range v.Versions {
			if old.Version == n {
				shown, v.Old = old, true
			}
		}
		if !v.Old {
			return studio.Refuse(http.StatusNotFound, "The paper has no version %d here.", n)
		}
	}
	cards, err := s.cards(ctx, v.Me, []feed.Paper{p})
	if err != nil {
		return err
	}
	v.Card = cards[0]
	v.Card.Heading = plain(shown.Title)
	v.Authors = shown.Authors
	if len(v.Authors) > namedAuthors+2 {
		v.Authors, v.MoreAuth = v.Authors[:namedAuthors], v.Authors[namedAuthors:]
	}
	for paragraph := range strings.SplitSeq(shown.Abstract, "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			v.Paragraphs = append(v.Paragraphs, paragraph)
		}
	}
	if v.Card.System != "" {
		v.System, _ = s.server.Paper(p.Slug)
	}
	v.Links = links(&p, v.System)
	if v.Similar, err = s.similar(ctx, v.page, p.ID); err != nil {
		return err
	}
	var bib bytes.Buffer
	if err := (readers.List{Site: s.site(r), Path: paperPath(p), Papers: []feed.Paper{p}, Page: paperPath}).Write(&bib, readers.BibTeX); err != nil {
		return err
	}
	v.BibTeX = bib.String()
	talk, err := s.Readers.Discussion(ctx, p.ID)
	if err != nil {
		return err
	}
	v.Threads, v.Comments = threads(talk, v.Me, d)
	if v.Verified, err = s.Readers.Authors(ctx, p.ID); err != nil {
		return err
	}
	if v.Me != nil {
		claims, err := s.Readers.Claims(ctx, v.Me.ID)
		if err != nil {
			return err
		}
		for i := range claims {
			if claims[i].Paper == p.ID {
				v.Claim = &claims[i]
			}
		}
	}
	return s.server.Render(w, r, status, studio.View{Title: shown.Title, Summary: lead(shown.Abstract, 160), Template: s.pages, Name: "paper.html", Data: v})
}

// links are where a paper can be read.
func links(p *feed.Paper, system *papers.Paper) []link {
	var out []link
	if p.ArXiv != "" {
		out = append(out, link{"arXiv " + p.ArXiv, "https://arxiv.org/abs/" + p.ArXiv}, link{"PDF", "https://arxiv.org/pdf/" + p.ArXiv})
	}
	if p.DOI != "" {
		out = append(out, link{"DOI " + p.DOI, (&url.URL{Scheme: "https", Host: "doi.org", Path: "/" + p.DOI}).String()})
	}
	if u, err := url.Parse(p.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.HasSuffix(u.Hostname(), "arxiv.org") && u.Hostname() != "doi.org" {
		out = append(out, link{u.Hostname(), p.URL})
	}
	if system != nil {
		if u, err := url.Parse(system.Code); err == nil && u.Scheme == "https" {
			out = append(out, link{"The authors’ code", system.Code})
		}
	}
	return out
}

// similarPapers is how many papers like one its page names.
const similarPapers = 6

func (s *Section) similar(ctx context.Context, p page, id int64) ([]card, error) {
	if s.Index == nil {
		return nil, nil
	}
	results, err := s.Index.More(ctx, id, search.Filter{}, similarPapers)
	if err != nil {
		return nil, err
	}
	list := make([]feed.Paper, len(results))
	for i := range results {
		list[i] = results[i].Paper
	}
	return s.cards(ctx, p.Me, list)
}

// threads shows a discussion to a reader, and counts its comments. Branches in which everything is deleted are left out.
func threads(talk []*readers.Comment, me *readers.Reader, d draft) (out []thread, n int) {
	for _, c := range talk {
		t := thread{Comment: c, Draft: d}
		var below int
		t.Answers, below = threads(c.Answers, me, d)
		if c.Deleted.IsZero() {
			n++
			t.Own = me != nil && c.Author != nil && c.Author.ID == me.ID
			t.May, t.Mod = me != nil, me != nil && me.Moderator
		} else if below == 0 {
			continue
		}
		n += below
		out = append(out, t)
	}
	return out, n
}

// answered answers a form: with the page it came from, or with numbers for a script.
func (s *Section) answered(w http.ResponseWriter, r *http.Request, on bool, paper int64) error {
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		p, err := s.Config.Feed.Paper(r.Context(), paper)
		if err != nil {
			return err
		}
		return studio.WriteJSON(w, http.StatusOK, map[string]any{"on": on, "count": p.Upvotes + p.Own.Upvotes})
	}
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
	return nil
}

// upvote counts a reader for a paper, or no longer.
func (s *Section) upvote(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	on := r.PostForm.Get("on") == "1"
	if on {
		err = s.Readers.Upvote(r.Context(), me.ID, id)
	} else {
		err = s.Readers.Withdraw(r.Context(), me.ID, id)
	}
	if err != nil {
		return err
	}
	return s.answered(w, r, on, id)
}

// keep puts a paper on the reading list, or takes it off.
func (s *Section) keep(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	on := r.PostForm.Get("on") == "1"
	if on {
		err = s.Readers.Keep(r.Context(), me.ID, id)
	} else {
		err = s.Readers.Drop(r.Context(), me.ID, id)
	}
	if err != nil {
		return err
	}
	return s.answered(w, r, on, id)
}

// setRead marks a paper of the reading list as read, or as not.
func (s *Section) setRead(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	on := r.PostForm.Get("on") == "1"
	if err := s.Readers.SetRead(r.Context(), me.ID, id, on); err != nil {
		return err
	}
	return s.answered(w, r, on, id)
}

// claim claims a paper, or withdraws that.
func (s *Section) claim(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	if r.PostForm.Get("withdraw") != "" {
		if err := s.Readers.Unclaim(r.Context(), me.ID, id); err != nil {
			return err
		}
		s.server.Flash(w, "Your claim is withdrawn.")
	} else {
		if err := s.Readers.ClaimPaper(r.Context(), me.ID, id, r.PostForm.Get("evidence")); err != nil {
			return err
		}
		s.server.Flash(w, "Thank you. A moderator will look at your claim.")
	}
	http.Redirect(w, r, "/paper/"+strconv.FormatInt(id, 10), http.StatusSeeOther)
	return nil
}

// panel is what the page of a system says about its paper.
type panel struct {
	Path       string
	Paragraphs []string
	Votes      int
	Talk       int
	Listed     time.Time
}

// PaperPanel implements [studio.PaperPaneler]: the abstract of the paper that a system implements, and the way to its discussion.
func (s *Section) PaperPanel(r *http.Request, p *papers.Paper) (*studio.Panel, error) {
	found, err := s.Config.Feed.BySlug(r.Context(), p.Slug)
	if errors.Is(err, feed.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	c := card{Paper: found}
	v := panel{Path: c.Path(), Votes: c.Votes(), Talk: c.Talk(), Listed: found.Listed}
	for paragraph := range strings.SplitSeq(found.Abstract, "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			v.Paragraphs = append(v.Paragraphs, paragraph)
		}
	}
	var html template.HTML
	if html, err = s.pages.Fragment("panel", v); err != nil {
		return nil, err
	}
	return &studio.Panel{ID: "abstract", Title: "The paper in the reading room", HTML: html}, nil
}

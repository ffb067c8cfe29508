package studio

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// paperCard is a paper in a list.
type paperCard struct {
	*papers.Paper
	Claims []claimStanding
	Tally  []tally
	Runs   int
	Last   *runner.Entry
}

// Text is what the filter of a list looks through.
func (c *paperCard) Text() string {
	return strings.ToLower(c.Slug + " " + c.System + " " + c.Title + " " + c.Summary + " " + string(c.Family))
}

type familyGroup struct {
	ID papers.Family
	familyText
	Papers  []paperCard
	Missing []listed
}

// card gathers what lists show of a paper.
func (s *Server) card(p *papers.Paper, runs []runner.Entry) paperCard {
	c := paperCard{Paper: p, Claims: s.statuses(p)}
	c.Tally = tallyOf(c.Claims)
	for i := range runs {
		if runs[i].Paper == p.Slug {
			if c.Runs++; c.Last == nil {
				c.Last = &runs[i]
			}
		}
	}
	return c
}

// groups returns the papers by family, those for which keep holds.
func (s *Server) groups(r *http.Request, keep func(*paperCard) bool) ([]familyGroup, error) {
	runs, err := s.history.all(r.Context())
	if err != nil {
		return nil, err
	}
	var out []familyGroup
	for _, f := range papers.Families {
		g := familyGroup{ID: f, familyText: families[f]}
		for _, p := range s.config.Papers {
			if c := s.card(p, runs); p.Family == f && keep(&c) {
				g.Papers = append(g.Papers, c)
			}
		}
		g.Missing = s.missing(f)
		if len(g.Papers) > 0 || len(g.Missing) > 0 {
			out = append(out, g)
		}
	}
	return out, nil
}

// papersPage lists the papers by family.
func (s *Server) papersPage(w http.ResponseWriter, r *http.Request) error {
	words := strings.Fields(strings.ToLower(r.URL.Query().Get("filter")))
	groups, err := s.groups(r, func(c *paperCard) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(c.Text(), w) })
	})
	if err != nil {
		return err
	}
	n, missing := 0, 0
	for i := range groups {
		n += len(groups[i].Papers)
		missing += len(groups[i].Missing)
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Systems", Summary: "Published systems that run, with what of their claims was reproduced.", Template: s.core, Name: "papers.html",
		Data: struct {
			Groups     []familyGroup
			Filter     string
			N, Missing int
		}{groups, r.URL.Query().Get("filter"), n, missing}})
}

// paperView is a paper's page.
type paperView struct {
	*papers.Paper
	FamilyText familyText
	Claims     []claimStanding
	Tally      []tally
	Here       bool // a run here has tested one of the claims
	Form       *runForm
	History    []runner.Entry
	Runs       int
	Model      *runner.Entry // the newest run with a model to apply
	First      []Panel
	Last       []Panel
	Cost       []costLine
}

// costLine says what the published run of an experiment took.
type costLine struct {
	Experiment string
	Preset     string
	Seeds      int
	Seconds    float64
	CPU        string
}

// paperOf returns the paper that a request's path names.
func (s *Server) paperOf(r *http.Request) (*papers.Paper, error) {
	p, ok := s.Paper(r.PathValue("slug"))
	if ok {
		return p, nil
	}
	for _, l := range allListed {
		if l.Slug == r.PathValue("slug") {
			return nil, &Problem{Status: http.StatusNotFound, Title: l.System + " is not here yet", Detail: "“" + l.Title + "” is on the list of systems that are to run, and nobody has built it so far."}
		}
	}
	return nil, Refuse(http.StatusNotFound, "There is no paper %q here.", r.PathValue("slug"))
}

// paperPage shows a paper. The query parameter experiment chooses the one whose form is open.
func (s *Server) paperPage(w http.ResponseWriter, r *http.Request) error {
	p, err := s.paperOf(r)
	if err != nil {
		return err
	}
	e, err := p.Experiment(r.URL.Query().Get("experiment"))
	if err != nil {
		return Refuse(http.StatusNotFound, "%s", err)
	}
	return s.showPaper(w, r, http.StatusOK, p, s.newForm(p, e, r.URL.Query()))
}

func (s *Server) showPaper(w http.ResponseWriter, r *http.Request, status int, p *papers.Paper, form *runForm) error {
	claims, err := s.standing(r.Context(), p)
	if err != nil {
		return err
	}
	runs, err := s.history.of(r.Context(), p.Slug)
	if err != nil {
		return err
	}
	if s.IsOperator(r) {
		form.Files = s.data.suggestions()
	}
	v := paperView{Paper: p, FamilyText: families[p.Family], Claims: claims, Tally: tallyOf(claims), Form: form, Runs: len(runs), History: runs[:min(len(runs), 8)]}
	v.Here = slices.ContainsFunc(claims, func(c claimStanding) bool { return c.Here != nil })
	if p.Apply != nil {
		for i := range runs {
			if runs[i].Status == runner.Done && len(modelSeeds(runs[i].Dir)) > 0 {
				v.Model = &runs[i]
				break
			}
		}
	}
	for _, e := range s.ledger.Entries {
		if e.Paper == p.Slug {
			v.Cost = append(v.Cost, costLine{e.Experiment, e.Preset, len(e.Seeds), e.Seconds, e.CPU})
		}
	}
	for _, f := range s.panels {
		panel, err := f(r, p)
		if err != nil {
			return err
		}
		if panel != nil && panel.First {
			v.First = append(v.First, *panel)
		} else if panel != nil {
			v.Last = append(v.Last, *panel)
		}
	}
	return s.Render(w, r, status, View{Title: p.System, Summary: p.Summary, Template: s.core, Name: "paper.html", Data: v})
}

// boardPage shows the claims of all papers, by family.
func (s *Server) boardPage(w http.ResponseWriter, r *http.Request) error {
	groups, err := s.groups(r, func(*paperCard) bool { return true })
	if err != nil {
		return err
	}
	var all []claimStanding
	n, total := 0, 0
	for _, g := range groups {
		total += len(g.Papers) + len(g.Missing)
		for _, p := range g.Papers {
			all = append(all, p.Claims...)
			n++
		}
	}
	reproduced := 0
	for i := range all {
		if all[i].Status == report.Reproduced {
			reproduced++
		}
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Board", Summary: "Which claims of which papers were reproduced.", Template: s.core, Name: "board.html", Data: struct {
		Groups                       []familyGroup
		Tally                        []tally
		N, Total, Claims, Reproduced int
	}{groups, tallyOf(all), n, total, len(all), reproduced}})
}

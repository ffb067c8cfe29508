package papers

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/report"
)

// Family is the part of the field a paper belongs to.
type Family string

// The families of papers.
const (
	Signals     Family = "signals"     // EEG, MEG, iEEG and fMRI decoders and foundation models
	Populations Family = "populations" // latent dynamics of recorded neurons
	Spiking     Family = "spiking"     // spiking networks
	Recurrent   Family = "recurrent"   // recurrent networks and their dynamics
	Sequence    Family = "sequence"    // sequence models
	Comparison  Family = "comparison"  // brains compared with models
	Fields      Family = "fields"      // neural fields
)

// Families lists every family in the order readers see them.
var Families = []Family{Signals, Populations, Spiking, Recurrent, Sequence, Comparison, Fields}

// Origin says whose bar a claim is.
type Origin string

// The origins of a claim.
const (
	FromPaper Origin = "paper" // the paper claims it
	Ours      Origin = "ours"  // a bar or sanity check of this project
)

// Claim is one statement that an experiment can test.
type Claim struct {
	ID     string // unique within the paper, such as "lorenz-r2"
	Says   string // the statement with its bar, in one sentence
	Origin Origin
	// Published is the paper's own number with metric and source, such as "co-bps 0.365, MC_Maze, public leaderboard";
	// empty when the paper gives a relation only or its number could not be read.
	Published string
}

// Input is a file an experiment can read.
type Input struct {
	Name     string   `json:"name"`    // the key in --data name=path, such as "trials"
	Says     string   `json:"says"`    // what the file must hold, with shapes and units
	Formats  []string `json:"formats"` // such as "MAT v5", "NPZ", "CSV"
	Required bool     `json:"required,omitempty"`
	Dataset  string   `json:"dataset,omitempty"` // ID of a data set in package datasets that fits, or empty
}

// Experiment is one thing a paper can be asked to do.
type Experiment struct {
	Name    string // unique within the paper, such as "lorenz"
	Summary string // what it does and on what data, in one or two sentences
	Tests   []string
	Params  Params // a Presets value
	Seeds   Seeds
	Inputs  []Input
	Metrics []report.Metric
	Systems []report.System

	// Run carries out one seed: it trains and measures the system and its baselines and records what they reach.
	// It returns early with ctx's error when ctx is cancelled.
	Run func(ctx context.Context, r *Run) error

	// Batch, if not nil, carries out several seeds of the same parameters at once, such as by training their networks side by side in
	// one graph. It records for each run what Run would have, but for rounding. Sweeps use it when asked to.
	Batch func(ctx context.Context, runs []*Run) error

	// Judge ties the measurements of all seeds to the claims named in Tests. Claims it does not mention are reported as
	// not tested.
	Judge func(*Results)
}

// Seeds is how many seeds each preset runs unless the user says otherwise. A zero counts as one.
type Seeds struct{ Quick, Default, Full int }

// Of returns the number of seeds of a preset.
func (s Seeds) Of(p Preset) int {
	return max(1, map[Preset]int{Quick: s.Quick, Default: s.Default, Full: s.Full}[p])
}

// Input returns the experiment's input of that name.
func (e *Experiment) Input(name string) (Input, bool) {
	i := slices.IndexFunc(e.Inputs, func(in Input) bool { return in.Name == name })
	if i < 0 {
		return Input{}, false
	}
	return e.Inputs[i], true
}

// Paper is one published system that Gyrus makes run.
type Paper struct {
	Slug        string // lower-case letters and digits, such as "langevinflow"
	System      string // the system's name, such as "LangevinFlow"
	Title       string
	Authors     int    // number of authors
	Published   string // date of the paper: YYYY, YYYY-MM or YYYY-MM-DD
	ArXiv       string // such as "2507.11531", or empty
	Code        string // the authors' repository, or empty
	Family      Family
	Summary     string // two or three sentences of ours
	Claims      []Claim
	Experiments []Experiment // the first is the default

	// Apply puts a model that a run has saved to work on new files; nil if the system is not used that way.
	Apply func(ctx context.Context, a *Application) error
	// Applies says what Apply reads and writes, in one sentence.
	Applies string

	// Live opens a model that a run has saved, to decode a stream; nil if the system is not used that way. Of the application it reads
	// ModelDir and Backend.
	Live func(ctx context.Context, a *Application) (Decoder, error)
}

// Claim returns the paper's claim of that ID.
func (p *Paper) Claim(id string) (Claim, bool) {
	i := slices.IndexFunc(p.Claims, func(c Claim) bool { return c.ID == id })
	if i < 0 {
		return Claim{}, false
	}
	return p.Claims[i], true
}

// Experiment returns the experiment of that name, or the first one if the name is empty.
// Its error lists the names there are.
func (p *Paper) Experiment(name string) (*Experiment, error) {
	if name == "" {
		return &p.Experiments[0], nil
	}
	var names []string
	for i := range p.Experiments {
		if p.Experiments[i].Name == name {
			return &p.Experiments[i], nil
		}
		names = append(names, p.Experiments[i].Name)
	}
	return nil, &UnknownError{Kind: "experiment", Name: p.Slug + "/" + name, Near: nearest(name, names), Known: names}
}

// UnknownError reports a name that stands for nothing, with the nearest name that does.
type UnknownError struct {
	Kind  string // "paper", "experiment", "parameter"
	Name  string
	Near  string   // the nearest known name, or empty if none is near
	Known []string // all known names
}

func (e *UnknownError) Error() string {
	s := fmt.Sprintf("no %s is called %q", e.Kind, e.Name)
	if e.Near != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	if len(e.Known) > 0 && (e.Near == "" || len(e.Known) <= 12) {
		s += " (there are: " + strings.Join(e.Known, ", ") + ")"
	}
	return s
}

var registry struct {
	sync.RWMutex
	papers map[string]*Paper
}

// Register adds a paper. It panics if the paper is incomplete or its slug is taken, since that is a mistake in the program.
func Register(p Paper) {
	if err := p.check(); err != nil {
		panic("papers: " + p.Slug + ": " + err.Error())
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.papers == nil {
		registry.papers = make(map[string]*Paper)
	}
	if _, taken := registry.papers[p.Slug]; taken {
		panic("papers: " + p.Slug + ": registered twice")
	}
	registry.papers[p.Slug] = &p
}

// All returns every registered paper, by family and then by slug.
func All() []*Paper {
	registry.RLock()
	defer registry.RUnlock()
	all := make([]*Paper, 0, len(registry.papers))
	for _, p := range registry.papers {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Paper) int {
		if d := slices.Index(Families, a.Family) - slices.Index(Families, b.Family); d != 0 {
			return d
		}
		return strings.Compare(a.Slug, b.Slug)
	})
	return all
}

// Get returns the paper with that slug; its error suggests the nearest slug.
func Get(slug string) (*Paper, error) {
	registry.RLock()
	p := registry.papers[slug]
	registry.RUnlock()
	if p != nil {
		return p, nil
	}
	var slugs []string
	for _, p := range All() {
		slugs = append(slugs, p.Slug)
	}
	return nil, &UnknownError{Kind: "paper", Name: slug, Near: nearest(slug, slugs), Known: slugs}
}

var (
	slugForm = regexp.MustCompile(`^[a-z0-9]+$`)
	nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// check reports the first thing that is missing or inconsistent.
func (p *Paper) check() error {
	switch {
	case !slugForm.MatchString(p.Slug):
		return fmt.Errorf("slug %q is not lower-case letters and digits", p.Slug)
	case p.System == "" || p.Title == "" || p.Summary == "":
		return fmt.Errorf("fields System, Title and Summary must be given")
	case p.Authors < 1:
		return fmt.Errorf("field Authors is %d", p.Authors)
	case !slices.Contains(Families, p.Family):
		return fmt.Errorf("family %q is unknown", p.Family)
	case len(p.Experiments) == 0:
		return fmt.Errorf("no experiment")
	case (p.Apply == nil) != (p.Applies == ""):
		return fmt.Errorf("fields Apply and Applies must be given together")
	}
	if _, err := ParseDate(p.Published); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, c := range p.Claims {
		if !nameForm.MatchString(c.ID) || c.Says == "" || c.Origin != FromPaper && c.Origin != Ours || seen[c.ID] {
			return fmt.Errorf("claim %q needs a unique ID of lower-case words joined by hyphens, Says, and an Origin", c.ID)
		}
		seen[c.ID] = true
	}
	names := map[string]bool{}
	for i := range p.Experiments {
		e := &p.Experiments[i]
		if !nameForm.MatchString(e.Name) || names[e.Name] {
			return fmt.Errorf("experiment %q needs a unique name of lower-case words joined by hyphens", e.Name)
		}
		names[e.Name] = true
		if e.Run == nil || e.Params == nil || e.Summary == "" || len(e.Metrics) == 0 || len(e.Systems) == 0 {
			return fmt.Errorf("experiment %q needs Run, Params, Summary, Metrics and Systems", e.Name)
		}
		if err := e.Params.check(); err != nil {
			return fmt.Errorf("experiment %q: %w", e.Name, err)
		}
		for _, id := range e.Tests {
			if !seen[id] {
				return fmt.Errorf("experiment %q tests claim %q, which the paper does not state", e.Name, id)
			}
		}
		if len(e.Tests) > 0 && e.Judge == nil {
			return fmt.Errorf("experiment %q tests claims but has no Judge", e.Name)
		}
	}
	return nil
}

// ParseDate reads a Published date of the form YYYY, YYYY-MM or YYYY-MM-DD.
func ParseDate(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("date %q is not of the form YYYY, YYYY-MM or YYYY-MM-DD", s)
}

// nearest returns the candidate with the smallest edit distance to s, or "" if none is close enough to be a typo.
func nearest(s string, candidates []string) string {
	best, bestD := "", max(2, len(s)/3)+1
	for _, c := range candidates {
		d := editDistance(strings.ToLower(s), c)
		if strings.HasPrefix(c, strings.ToLower(s)) && len(s) >= 2 {
			d = min(d, 1)
		}
		if d < bestD {
			best, bestD = c, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance in bytes, counting a swap of neighbours as one edit.
func editDistance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

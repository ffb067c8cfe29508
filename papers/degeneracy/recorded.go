package degeneracy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/similarity"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
)

type ownParams struct {
	Starts       int `param:"starts" min:"1" max:"1000" help:"starts of the search for a rotation"`
	Permutations int `param:"permutations" min:"1" max:"100" help:"starts of the search for a permutation"`
}

var own = papers.Experiment{
	Name:    "compare",
	Summary: "Your own networks: their recurrent weights and their states on the same trials, compared pair by pair in weights, dynamics and geometry.",
	Params: papers.Presets[ownParams]{
		Quick: ownParams{Starts: 4, Permutations: 1}, Default: ownParams{Starts: 16, Permutations: 3}, Full: ownParams{Starts: 64, Permutations: 10},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 1},
	Inputs: []papers.Input{{Name: "networks", Required: true, Formats: []string{"NPZ", "MAT v5", "MAT v7.3"},
		Says: "a folder with a file for each network: W_h [n, n], states [trials, steps, n]; and, if there are, probe [trials, steps, m], the inputs of these trials, and converged, 0 or 1"}},
	Metrics: slices.DeleteFunc(slices.Clone(metrics), func(m report.Metric) bool {
		return slices.Contains([]string{"updates", "loss", "loss-spread", "change", "alignment", "ood", "ood-sd", "ood-se"}, m.ID)
	}),
	Systems: []report.System{{Name: trainedNets, Role: report.Subject, Says: "as given"}},
	Run:     runOwn,
}

// given is one network of the user's.
type given struct {
	name   string
	w      *mat.Dense
	states []*mat.Dense
	shape  [3]int
	probe  [sha256.Size]byte // of the inputs; zero if not given
	failed bool              // did not converge
}

// readNetworks reads all files of a folder, in the order of their names.
func readNetworks(dir string) ([]given, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, papers.Refuse(fmt.Errorf("reading the folder of networks: %w", err))
	}
	var all []given
	for _, e := range entries {
		if e.IsDir() || !slices.Contains([]string{".npz", ".mat"}, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		g, err := readNetwork(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, papers.Refuse(err)
		}
		all = append(all, *g)
	}
	return all, nil
}

func wrong(path, field, found, expected, remedy string) error {
	return &recording.Error{Path: path, Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
}

func readNetwork(path string) (*given, error) {
	arrays, err := recording.Arrays(path)
	if err != nil {
		return nil, err
	}
	g := &given{name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	seen := map[string]bool{}
	for _, a := range arrays {
		seen[a.Name] = true
		if !slices.Contains([]string{"W_h", "states", "probe", "converged"}, a.Name) {
			continue
		}
		a = a.RowMajor()
		values, err := a.Float64s()
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", path, a.Name, err)
		}
		if i := slices.IndexFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); i >= 0 {
			return nil, wrong(path, a.Name, fmt.Sprintf("%g at position %d", values[i], i), "finite values", "leave this network out or run it again")
		}
		switch a.Name {
		case "W_h":
			if len(a.Dims) != 2 || a.Dims[0] != a.Dims[1] || a.Dims[0] == 0 {
				return nil, wrong(path, "W_h", fmt.Sprintf("shape %v", a.Dims), "[n, n]", "store the recurrent weights only")
			}
			g.w = mat.NewDense(a.Dims[0], a.Dims[1], values)
		case "states":
			if len(a.Dims) != 3 || a.Len() == 0 {
				return nil, wrong(path, "states", fmt.Sprintf("shape %v", a.Dims), "[trials, steps, n]", "store the states of all trials as one array")
			}
			g.shape = [3]int(a.Dims)
			if g.states, err = similarity.Trials(values, a.Dims[0], a.Dims[1], a.Dims[2]); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		case "probe":
			h := sha256.New()
			fmt.Fprint(h, a.Dims)
			if err := binary.Write(h, binary.LittleEndian, values); err != nil {
				return nil, err
			}
			g.probe = [sha256.Size]byte(h.Sum(nil))
		case "converged":
			g.failed = len(values) == 1 && values[0] == 0
		}
	}
	for _, name := range []string{"W_h", "states"} {
		if !seen[name] {
			return nil, wrong(path, name, "no array of this name", "W_h [n, n] and states [trials, steps, n]", "name the arrays so when saving")
		}
	}
	if n, _ := g.w.Dims(); n != g.shape[2] {
		return nil, wrong(path, "states", fmt.Sprintf("%d units, and %d in W_h", g.shape[2], n), "the same number", "store states and weights of one network")
	}
	return g, nil
}

// agree refuses networks that do not compare.
func agree(dir string, all []given) error {
	if len(all) < least {
		return papers.Refuse(wrong(dir, "networks", fmt.Sprintf("%d converged networks", len(all)), fmt.Sprintf("%d or more", least), "fewer have no spread; add files"))
	}
	for _, g := range all[1:] {
		path := filepath.Join(dir, g.name)
		switch {
		case g.shape[2] != all[0].shape[2]:
			return papers.Refuse(wrong(path, "W_h", fmt.Sprintf("%d units, and %d in %s", g.shape[2], all[0].shape[2], all[0].name), "one width",
				"put networks of each width in a folder of their own; across widths compare only the means of d_PIF/n²"))
		case g.shape != all[0].shape:
			return papers.Refuse(wrong(path, "states", fmt.Sprintf("shape %v, and %v in %s", g.shape, all[0].shape, all[0].name), "one shape", "show all networks the same trials"))
		case g.probe != all[0].probe:
			return papers.Refuse(wrong(path, "probe", "other inputs than in "+all[0].name, "the same inputs", "distances of states mean nothing between other trials: run all networks on one probe"))
		}
	}
	if all[0].shape[0] < 2 {
		return papers.Refuse(wrong(dir, "states", "1 trial", "2 or more", "the null level takes two halves"))
	}
	return nil
}

func runOwn(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[ownParams](r)
	dir, _ := r.Input("networks")
	found, err := readNetworks(dir)
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(slices.Clone(found), func(g given) bool { return g.failed })
	r.Measure(trainedNets, "converged", float64(len(all))/math.Max(1, float64(len(found))))
	if out := len(found) - len(all); out > 0 {
		r.Warn("%d of %d networks have not converged and are left out", out, len(found))
	}
	if err := agree(dir, all); err != nil {
		return err
	}
	if all[0].probe == ([sha256.Size]byte{}) {
		r.Warn("The files hold no probe, so that it could not be checked whether all networks saw the same trials.")
	}
	var weights []*mat.Dense
	var states [][]*mat.Dense
	for _, g := range all {
		weights, states = append(weights, g.w), append(states, g.states)
	}
	c, err := papers.Stage(r, "compared", func() (*comparison, error) {
		return similar(ctx, weights, states, effort{p.Starts, p.Permutations}, func(done, total int) {
			r.Progress(papers.Progress{Stage: "comparing networks", Done: done, Total: total, Unit: "pairs"})
		})
	})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return papers.Refuse(fmt.Errorf("%s: %w; store more trials or longer ones, or leave out networks whose states span too few dimensions", dir, err))
	}
	c.record(r, trainedNets)
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.name
	}
	out, err := r.ModelDir()
	if err != nil {
		return err
	}
	for _, t := range c.tables() {
		if err := writeTable(filepath.Join(out, t.id+".csv"), names, t.table); err != nil {
			return err
		}
		r.Figure(report.HeatMap(report.Frame{ID: t.id, Title: t.title, Caption: "Between each two networks; as " + t.id + ".csv in the run's model folder.", Height: 380},
			report.Heat{Values: t.table, Rows: names, Columns: names, Scale: report.Scale{Label: "distance"}, Annotate: len(all) <= 10}))
	}
	x, y := scaleDown(c.DSA[0])
	if err := writeTable(filepath.Join(out, "map.csv"), []string{"x", "y"}, table{x, y}); err != nil {
		return err
	}
	drawMaps(r, []report.Points{{Name: trainedNets, Role: report.Subject, X: x, Y: y}})
	return nil
}

type named struct {
	id, title string
	table
}

// tables are the distances of a comparison by name.
func (c *comparison) tables() []named {
	all := []named{{"pif", "Distance of weights, d_PIF", c.PIF}}
	for k, e := range embeddings {
		all = append(all, named{e.id(), fmt.Sprintf("Distance of dynamics, DSA (%d, %d)", e.Delays, e.Rank), c.DSA[k]})
	}
	return append(all, named{"procrustes", "Distance of geometry, Procrustes", c.Procrustes}, named{"svcca", "Distance of geometry, 1 - SVCCA", c.SVCCA})
}

// writeTable writes columns with names as CSV.
func writeTable(path string, names []string, columns table) error {
	return papers.WriteFileAtomic(path, func(f *os.File) error {
		w := csv.NewWriter(f)
		err := w.Write(names)
		for i := range columns[0] {
			row := make([]string, len(columns))
			for j := range columns {
				row[j] = strconv.FormatFloat(columns[j][i], 'g', -1, 64)
			}
			err = errors.Join(err, w.Write(row))
		}
		w.Flush()
		return errors.Join(err, w.Error())
	})
}

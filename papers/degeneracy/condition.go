package degeneracy

import (
	"context"
	"fmt"

	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

// condition is networks that differ in nothing but what is drawn.
type condition struct {
	system string // as the report calls it
	name   string // of the stored stage
	stream string // of random numbers: conditions that share it begin with the same weights and see the same trials
	task   cognitive.Task
	net    ensemble.Network
	muP    bool
	o      ensemble.Options
	count  int
	// together is how many networks are trained side by side; 0 means all.
	together int
}

// network is one of a condition, before and after training.
type network struct {
	Start, End ensemble.Weights
	Converged  bool
	Updates    int
	Loss       float64 // running mean of the training error at the end
	Curve      []float64
}

// curveEvery is how many updates lie between points of a curve.
const curveEvery = 20

// members prepares the networks of one run.
func (c condition) members(r *papers.Run) ([]*ensemble.Member, []network) {
	members, nets := make([]*ensemble.Member, c.count), make([]network, c.count)
	for i := range members {
		rng := r.Rand(fmt.Sprintf("weights of %s, %d", c.stream, i))
		w := c.net.Init
		if c.muP {
			w = c.net.InitMuP
		}
		trials := r.Rand(fmt.Sprintf("trials of %s, %d", c.stream, i))
		nets[i].Start = w(rng)
		members[i] = &ensemble.Member{Weights: nets[i].Start, Draw: func(x, y []float32) { cognitive.Fill(c.task, trials, c.o.Batch, x, y) }}
	}
	return members, nets
}

// train trains the networks of a condition for all runs side by side, and returns them run by run. Runs that have stored them are not trained again
// if all have.
func (c condition) train(ctx context.Context, runs []*papers.Run) ([][]network, error) {
	var trained [][]network
	all := make([][]network, len(runs))
	for i, r := range runs {
		var err error
		all[i], err = papers.Stage(r, c.name, func() ([]network, error) {
			if trained == nil {
				var err error
				if trained, err = c.trainAll(ctx, runs); err != nil {
					return nil, err
				}
			}
			return trained[i], nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c condition) trainAll(ctx context.Context, runs []*papers.Run) ([][]network, error) {
	backend, err := runs[0].Backend()
	if err != nil {
		return nil, err
	}
	var members []*ensemble.Member
	all := make([][]network, len(runs))
	for i, r := range runs {
		var m []*ensemble.Member
		m, all[i] = c.members(r)
		members = append(members, m...)
	}
	size := c.together
	if size == 0 {
		size = len(members)
	}
	for from := 0; from < len(members); from += size {
		o := c.o
		o.Every = curveEvery
		o.Progress = func(done, updates int) {
			for _, r := range runs {
				r.Progress(papers.Progress{Stage: fmt.Sprintf("training %s: %d of %d networks done", c.system, from+done, len(members)), Done: updates, Total: o.Updates, Unit: "updates"})
			}
		}
		if err := ensemble.Train(ctx, backend, c.net, members[from:min(from+size, len(members))], o); err != nil {
			return nil, fmt.Errorf("%s: %w", c.system, err)
		}
	}
	for i := range all {
		for k := range all[i] {
			m := members[i*c.count+k]
			n := &all[i][k]
			n.End, n.Converged, n.Updates, n.Loss, n.Curve = m.Weights, m.Converged, m.Updates, m.Loss, m.Curve
		}
	}
	return all, nil
}

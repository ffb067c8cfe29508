package deconstruct

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/nn"
)

// design is a model by its switches. Everything that is compared differs in these alone.
type design struct {
	Core      string  // lstm, gru, rhn or elman, or none: a Transformer
	Attention bool    // AT; a Transformer has it always
	Skip      nn.Skip // G: how every sub-layer joins its input
	Update    nn.Skip // of an elman core: how a step joins the state before
	Recur     string  // R of a Transformer: empty, memory (R1: it remembers a segment) or recurrent (R2: a GRU in place of the position-wise network)
	PostNorm  bool    // of a Transformer: normalise after joining, not before
	Blocks    int
	Depth     int // of a highway
	Hidden    int
	Heads     int
	Window    int // of attention, in steps
}

// parse reads a design as --set models takes it: switches joined by +, such as rhn+at+input or transformer+memory.
func (d design) parse(text string) (design, error) {
	words := strings.Split(text, "+")
	d.Skip, d.Blocks = nn.Replace, 1
	switch core := words[0]; {
	case core == "transformer":
		d.Core, d.Attention, d.Skip, d.Blocks = "none", true, nn.Additive, 2
	case slices.Contains(nn.CoreKinds, core):
		d.Core = core
	default:
		return d, fmt.Errorf("model %q: found %q, expected lstm, gru, rhn, elman or transformer first", text, core)
	}
	for _, w := range words[1:] {
		skip, ofUpdate := strings.CutPrefix(w, "time-")
		switch {
		case w == "at":
			d.Attention = true
		case slices.Contains(nn.Skips, nn.Skip(w)):
			d.Skip = nn.Skip(w)
		case ofUpdate && slices.Contains(nn.Skips, nn.Skip(skip)):
			d.Update = nn.Skip(skip)
		case w == "memory" || w == "recurrent":
			d.Recur = w
		case w == "post":
			d.PostNorm = true
		default:
			return d, fmt.Errorf("model %q: found %q, expected at, none, additive, rate, input, time-SKIP, memory, recurrent or post", text, w)
		}
	}
	if err := d.check(); err != nil {
		return d, fmt.Errorf("model %q: %w", text, err)
	}
	return d, nil
}

// text is the design as parse takes it.
func (d design) text() string {
	words := []string{d.Core}
	if d.Core == "none" {
		words[0] = "transformer"
	} else if d.Attention {
		words = append(words, "at")
	}
	if d.Core != "none" && d.Skip != nn.Replace || d.Core == "none" && d.Skip != nn.Additive {
		words = append(words, string(d.Skip))
	}
	if d.Update != "" {
		words = append(words, "time-"+string(d.Update))
	}
	if d.Recur != "" {
		words = append(words, d.Recur)
	}
	if d.PostNorm {
		words = append(words, "post")
	}
	return strings.Join(words, "+")
}

// name is the design as a reader sees it.
func (d design) name() string {
	words := map[string]string{"lstm": "LSTM", "gru": "GRU", "rhn": "RHN", "elman": "Elman", "transformer": "Transformer", "at": "attention", "memory": "memory",
		"recurrent": "recurrence", "post": "norm after"}
	parts := strings.Split(d.text(), "+")
	for i, p := range parts {
		if word, ok := words[p]; ok {
			parts[i] = word
		} else if skip, ofTime := strings.CutPrefix(p, "time-"); ofTime {
			parts[i] = skip + " in time"
		} else {
			parts[i] = p + " gate"
		}
	}
	return strings.Join(parts, " + ")
}

// nameOf is the name of a design that parse takes.
func nameOf(text string) string {
	d, err := design{Hidden: 4, Heads: 1}.parse(text)
	if err != nil {
		panic(err) // a mistake in this package
	}
	return d.name()
}

// check refuses combinations that mean nothing.
func (d design) check() error {
	switch {
	case d.Attention && d.Hidden%d.Heads != 0:
		return fmt.Errorf("%d heads do not divide %d units; choose heads that do", d.Heads, d.Hidden)
	case d.Core != "none" && (d.Recur != "" || d.PostNorm):
		return fmt.Errorf("memory, recurrent and post are switches of a Transformer")
	case d.PostNorm && d.Skip == nn.Rate:
		return fmt.Errorf("a trained rate that begins at 0 is undefined after normalisation, which would undo it; take norm before (leave out post) or another gate")
	case d.Update != "" && d.Core != "elman":
		return fmt.Errorf("time-SKIP is a switch of an elman core")
	case d.Core == "none" && d.Skip == nn.Replace:
		return fmt.Errorf("a Transformer without joins hands on nothing of its input; take additive, rate or input")
	}
	return nil
}

// attention is the attention of a block.
func (d design) attention() nn.BandedAttention {
	return nn.BandedAttention{Heads: d.Heads, Window: d.Window, Memory: d.Recur == "memory"}
}

// core is the recurrent core of a block, if it has one.
func (d design) core() (nn.Core, bool) {
	switch {
	case d.Core != "none":
		return nn.Core{Kind: d.Core, Hidden: d.Hidden, Depth: d.Depth, GateBias: -1, Update: d.Update}, true
	case d.Recur == "recurrent":
		return nn.Core{Kind: "gru", Hidden: d.Hidden}, true
	}
	return nn.Core{}, false
}

// states is the number of values that each array of the state has for one series, the count of steps first.
func (d design) states() [][]int {
	all := [][]int{{1}}
	for range d.Blocks {
		var recurrent, cache [][]int
		if core, ok := d.core(); ok {
			recurrent = slices.Repeat([][]int{{d.Hidden}}, core.States())
		}
		if d.Attention {
			cache = slices.Repeat([][]int{{d.attention().Reach() - 1, d.Hidden}}, 2)
		}
		if d.Core == "none" { // attention comes first
			all = append(append(all, cache...), recurrent...)
		} else {
			all = append(append(all, recurrent...), cache...)
		}
	}
	return all
}

// increments maps a sequence of observations [time, batch, D] to what each step adds to them, in units of the increments' standard deviations.
func (d design) increments(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	y, _ := d.network(ctx, x, nil)
	return y
}

// step is increments for the one observation [batch, D] that follows those which made the state; it returns the next state too.
func (d design) step(ctx *mlctx.Context, x *graph.Node, state []*graph.Node) (*graph.Node, []*graph.Node) {
	y, next := d.network(ctx, graph.InsertAxes(x, 0), state)
	return graph.Squeeze(y, 0), next
}

func (d design) network(ctx *mlctx.Context, x *graph.Node, state []*graph.Node) (y *graph.Node, next []*graph.Node) {
	dim := x.Shape().Dimensions[2]
	var count *graph.Node
	if state != nil {
		count, state = state[0], state[1:]
		next = append(next, graph.AddScalar(count, 1))
	}
	// take hands out the first arrays of what is left of the state.
	take := func(n int) (first []*graph.Node) {
		if state != nil {
			first, state = state[:n], state[n:]
		}
		return first
	}
	attend := func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		past := take(2)
		if past == nil {
			return d.attention().Apply(ctx, x)
		}
		y, keys, values := d.attention().Step(ctx, graph.Squeeze(x, 0), past[0], past[1], count)
		next = append(next, keys, values)
		return graph.InsertAxes(y, 0)
	}
	recur := func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		core, _ := d.core()
		y, after := core.Apply(ctx, x, take(core.States()))
		if count != nil {
			next = append(next, after...)
		}
		return y
	}
	feed := func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return nn.Linear{Out: d.Hidden}.Apply(ctx.In("contract"), nn.GELU(nn.Linear{Out: 4 * d.Hidden}.Apply(ctx.In("expand"), x)))
	}
	// sublayer joins x with f of it, normalised before, after, or not at all.
	sublayer := func(ctx *mlctx.Context, x *graph.Node, norm bool, f func(*mlctx.Context, *graph.Node) *graph.Node) *graph.Node {
		in := x
		if norm && !d.PostNorm {
			in = nn.LayerNorm{}.Apply(ctx.In("norm"), x)
		}
		x = d.Skip.Apply(ctx.In("skip"), x, f(ctx, in))
		if norm && d.PostNorm {
			x = nn.LayerNorm{}.Apply(ctx.In("norm"), x)
		}
		return x
	}
	x = nn.Linear{Out: d.Hidden}.Apply(ctx.In("embed"), x)
	for b := range d.Blocks {
		at := ctx.In(fmt.Sprint("block", b))
		switch {
		case d.Core != "none": // attention sees what the core puts out
			x = sublayer(at.In("core"), x, false, recur)
			if d.Attention {
				x = sublayer(at.In("attention"), x, true, attend)
			}
		case d.Recur == "recurrent":
			x = sublayer(at.In("attention"), x, true, attend)
			x = sublayer(at.In("core"), x, false, recur)
		default:
			x = sublayer(at.In("attention"), x, true, attend)
			x = sublayer(at.In("feed"), x, true, feed)
		}
	}
	x = nn.LayerNorm{}.Apply(ctx.In("norm"), x)
	return nn.Linear{Out: dim}.Apply(ctx.In("head"), x), next
}

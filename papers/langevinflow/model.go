package langevinflow

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
)

// Groups is the number G of oscillator groups a latent vector is cut into.
const Groups = 4

// Variant is which of the models compared is built. All read and predict the same.
type Variant string

const (
	Langevin Variant = "langevin" // the published model: tokens (z, v, h)
	NoFlow   Variant = "no-flow"  // its ablation: the same encoder and decoder, tokens h only
	LFADS    Variant = "lfads"    // bidirectional encoder, stochastic initial state, autonomous GRU generator, linear factors
)

// Balance is how the KL divergence is weighed against the likelihood.
type Balance string

const (
	// Released adds 0.1·ramp times the KL summed over time and dimensions to the likelihood's mean over bins and neurons, as the
	// authors' code does. In units of the evidence lower bound that is a weight of 0.1·T·N, above 100.
	Released Balance = "released"
	// Balanced divides the KL by T·N, so that at the end of the ramp the loss is the negative evidence lower bound per count.
	Balanced Balance = "balanced"
)

// Config is everything that decides the model's graph.
type Config struct {
	Sizes
	Variant     Variant
	Balance     Balance
	Hidden      int     // H: size of h, z and v; for LFADS that of encoder and generator
	FeedForward int     // of the decoder layer
	Heads       int     // of the decoder layer
	Factors     int     // LFADS only: dimensions between generator and rates
	Eta         float64 // η: step of the discretisation
	Gamma       float64 // γ: damping
	Keep        float64 // p: share of counts coordinated dropout keeps
	Dropout     float64 // on h and inside the decoder
	Delayed     bool    // feed bin t−1 at step t, as the released code does, instead of bin t
}

// Model builds the graphs of one configuration. Its variables live in the GoMLX context the caller gives.
type Model struct{ Config }

// NewModel checks a configuration.
func NewModel(c Config) (*Model, error) {
	if err := c.Sizes.check(); err != nil {
		return nil, err
	}
	width := c.tokenWidth()
	switch {
	case c.Variant != Langevin && c.Variant != NoFlow && c.Variant != LFADS:
		return nil, fmt.Errorf("variant %q is none of %s, %s, %s", c.Variant, Langevin, NoFlow, LFADS)
	case c.Balance != Released && c.Balance != Balanced:
		return nil, fmt.Errorf("KL balance %q is neither %s nor %s", c.Balance, Released, Balanced)
	case c.Hidden < 1:
		return nil, fmt.Errorf("hidden size is %d; it must be at least 1", c.Hidden)
	case c.Variant == Langevin && c.Hidden%Groups != 0:
		return nil, fmt.Errorf("hidden size %d does not divide into the %d oscillator groups: choose a multiple of %d", c.Hidden, Groups, Groups)
	case c.Variant != LFADS && (c.Heads < 1 || width%c.Heads != 0):
		return nil, fmt.Errorf("token width %d (from hidden size %d) does not divide into %d attention heads", width, c.Hidden, c.Heads)
	case c.Variant != LFADS && c.FeedForward < 1:
		return nil, fmt.Errorf("feed-forward size is %d; it must be at least 1", c.FeedForward)
	case c.Variant == LFADS && c.Factors < 1:
		return nil, fmt.Errorf("number of factors is %d; it must be at least 1", c.Factors)
	case !(c.Eta > 0) || !(c.Gamma > 0 && c.Gamma <= 1):
		return nil, fmt.Errorf("need η > 0 and 0 < γ ≤ 1, got η = %g and γ = %g", c.Eta, c.Gamma)
	case !(c.Keep > 0 && c.Keep <= 1):
		return nil, fmt.Errorf("coordinated dropout keeps a share of %g; it must be in (0, 1]", c.Keep)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return nil, fmt.Errorf("dropout rate is %g; it must be in [0, 1)", c.Dropout)
	}
	return &Model{c}, nil
}

func (c Config) tokenWidth() int {
	if c.Variant == Langevin {
		return 3 * c.Hidden
	}
	return c.Hidden
}

// Limits on what the network may say, to keep exp finite: log-rates in log counts per bin, and logarithms of initial variances.
const (
	minLogRate, maxLogRate = -8, 8
	maxLogVar              = 5
)

var minLogVar = math.Log(1e-4)

// priorVariance of the velocity after every step.
const priorVariance = 0.1

// stateVariance is the variance of the noise a Langevin step adds to the velocity.
func (c Config) stateVariance() float64 { return 2 * c.Gamma }

// pathConstant is the part of the KL divergence of one trial's path that no parameter changes: per step and dimension
// KL(N(0, 2γ) ‖ N(0, 0.1)), 3.8 nats at γ = 0.55.
func (c Config) pathConstant() float64 {
	if c.Variant != Langevin {
		return 0
	}
	ratio := c.stateVariance() / priorVariance
	return 0.5 * (ratio - 1 - math.Log(ratio)) * float64(c.Hidden*(c.Bins()-1))
}

// idleStartKL is the KL of the start, in nats per trial, that remains when it carries nothing of the data. It is not zero: a velocity drawn
// from its prior would cost more on the path, where the mean (1−γ)^t v_0 is held to a prior of variance 0.1, than it saves at the start.
// The forces, of order η, are left out.
func (c Config) idleStartKL() float64 {
	if c.Variant != Langevin {
		return 0
	}
	rest, left := 0.0, 1.0 // Σ (1−γ)^2t
	for range c.Bins() - 1 {
		left *= (1 - c.Gamma) * (1 - c.Gamma)
		rest += left
	}
	precision := 1 + rest/priorVariance // of the best v_0
	return 0.5 * (1/precision - 1 + math.Log(precision)) * float64(c.Hidden)
}

// Outcome is what a pass over a batch yields. T is Observed+Forward. States are nil in variants that lack them.
type Outcome struct {
	LogRates *graph.Node // [B, T, Out], log counts per bin
	H, Z, V  *graph.Node // [B, T, H]; for LFADS Z is the factors [B, T, Factors] and H the generator state
	KLStart  *graph.Node // scalar: KL of the initial state from its prior, in nats per trial, mean over the batch
	KLPath   *graph.Node // scalar: the same for the Langevin steps, without Config.pathConstant
}

// Forward builds the stochastic pass over counts x [B, Observed, In]. With zeroH the decoder is given zeros instead of h, a probe of
// what it reads. Dropout acts only while ctx is training; coordinated dropout is the caller's.
func (m *Model) Forward(ctx *mlctx.Context, x *graph.Node, zeroH bool) Outcome {
	if m.Variant == LFADS {
		return m.forwardLFADS(ctx, x)
	}
	g, batch, T, H := x.Graph(), x.Shape().Dimensions[0], m.Bins(), m.Hidden
	bins := nn.Unstack(x) // Observed × [B, In]
	gru := nn.NewGRUCell(ctx.In("encoder"), x, m.In, H)
	drop := newStateDropout(ctx, x, m.Dropout, T, H)

	h := drop.at(0, gru.Step(bins[0], gru.Zero(batch))) // [B, H]
	hs, zs, vs := []*graph.Node{h}, []*graph.Node(nil), []*graph.Node(nil)
	out := Outcome{KLStart: graph.ScalarZero(g, x.DType()), KLPath: graph.ScalarZero(g, x.DType())}
	var z, v, force, noise *graph.Node
	if m.Variant == Langevin {
		start := nn.Linear{Out: 4 * H}.Apply(ctx.In("start"), h) // [B, 4H]: means and log-variances of z_0 and v_0
		part := func(i int) *graph.Node { return graph.Slice(start, graph.AxisRange(), graph.AxisRange(i*H, (i+1)*H)) }
		var klZ, klV *graph.Node
		z, klZ = sampleGaussian(ctx, part(0), part(1)) // [B, H]
		v, klV = sampleGaussian(ctx, part(2), part(3)) // [B, H]
		out.KLStart = graph.Add(klZ, klV)
		zs, vs = append(zs, z), append(vs, v)
		kernel := ctx.In("potential").WithInitializer(nn.Normal(0.1)(ctx)).
			VariableWithShape("kernel", shapes.Make(x.DType(), Groups, Groups, 3)).ValueGraph(g)
		force = graph.MulScalar(ForceMatrix(kernel, H), m.Eta)                                                            // [H, H]
		noise = graph.MulScalar(ctx.RandomNormal(g, shapes.Make(x.DType(), T-1, batch, H)), math.Sqrt(m.stateVariance())) // [T-1, B, H]
	}
	var means []*graph.Node
	for t := 1; t < T; t++ {
		h = drop.at(t, gru.Step(bins[m.inputAt(t)], h)) // [B, H]
		hs = append(hs, h)
		if m.Variant != Langevin {
			continue
		}
		mean := graph.MulScalar(graph.Sub(v, graph.Dot(z, force)), 1-m.Gamma)          // [B, H], the force taken at the old z
		z = graph.Add(z, graph.MulScalar(v, m.Eta))                                    // [B, H], with the old v
		v = graph.Add(mean, graph.Squeeze(graph.Slice(noise, graph.AxisElem(t-1)), 0)) // [B, H]
		means, zs, vs = append(means, mean), append(zs, z), append(vs, v)
	}
	out.H = graph.Stack(hs, 1) // [B, T, H]
	tokens := out.H            // [B, T, width]
	if zeroH {
		tokens = graph.ZerosLike(tokens)
	}
	if m.Variant == Langevin {
		out.Z, out.V = graph.Stack(zs, 1), graph.Stack(vs, 1) // [B, T, H]
		tokens = graph.Concatenate([]*graph.Node{out.Z, out.V, tokens}, -1)
		square := graph.ReduceAllSum(graph.Square(graph.Stack(means, 0))) // over [T-1, B, H]
		out.KLPath = graph.MulScalar(square, 0.5/priorVariance/float64(batch))
	}
	decoded := m.decoder().Apply(ctx.In("decoder"), tokens) // [B, T, width]
	out.LogRates = graph.ClipScalar(nn.Linear{Out: m.Out}.Apply(ctx.In("readout"), decoded), minLogRate, maxLogRate)
	return out
}

// decoder is one post-norm Transformer encoder layer over the whole sequence, without positions and without a mask: every bin attends
// to every other. The attention's output projection and both feed-forward weights start scaled by 0.67·3^(−1/4).
func (m *Model) decoder() nn.TransformerLayer {
	small := nn.LinearInit{Scale: 0.67 * math.Pow(3, -0.25)}
	return nn.TransformerLayer{Heads: m.Heads, Hidden: m.FeedForward, Out: small, Expand: small, Contract: small,
		AttentionDropout: m.Dropout, ResidualDropout: m.Dropout, HiddenDropout: m.Dropout}
}

// stateDropout is dropout on the state of the recurrence, its masks drawn at once for all steps.
type stateDropout struct{ masks *graph.Node } // [T, B, H], 0 or 1/(1−rate); nil when nothing is dropped

func newStateDropout(ctx *mlctx.Context, x *graph.Node, rate float64, steps, hidden int) stateDropout {
	g := x.Graph()
	if !ctx.IsTraining(g) || rate == 0 {
		return stateDropout{}
	}
	return stateDropout{nn.Dropout(ctx, graph.Ones(g, shapes.Make(x.DType(), steps, x.Shape().Dimensions[0], hidden)), rate)}
}

func (d stateDropout) at(t int, h *graph.Node) *graph.Node {
	if d.masks == nil {
		return h
	}
	return graph.Mul(h, graph.Squeeze(graph.Slice(d.masks, graph.AxisElem(t)), 0))
}

// inputAt is s(t): which observed bin the encoder reads at step t ≥ 1.
func (m *Model) inputAt(t int) int {
	if m.Delayed {
		t--
	}
	return min(t, m.Observed-1)
}

// forwardLFADS is the sequential auto-encoder of LFADS (Sussillo et al. 2016) without its controller, which an autonomous system does
// not need: a GRU in each direction, an initial state drawn from a Gaussian, a GRU generator that gets no input, linear factors, and
// log-rates linear in the factors.
func (m *Model) forwardLFADS(ctx *mlctx.Context, x *graph.Node) Outcome {
	g, batch, T, H := x.Graph(), x.Shape().Dimensions[0], m.Bins(), m.Hidden
	bins := nn.Unstack(x)
	ahead, back := nn.NewGRUCell(ctx.In("ahead"), x, m.In, H), nn.NewGRUCell(ctx.In("back"), x, m.In, H)
	a, b := ahead.Zero(batch), back.Zero(batch) // [B, H]
	for t := range bins {
		a, b = ahead.Step(bins[t], a), back.Step(bins[len(bins)-1-t], b)
	}
	code := nn.Dropout(ctx, graph.Concatenate([]*graph.Node{a, b}, -1), m.Dropout) // [B, 2H]
	start := nn.Linear{Out: 2 * H}.Apply(ctx.In("start"), code)                    // [B, 2H]
	state, kl := sampleGaussian(ctx, graph.Slice(start, graph.AxisRange(), graph.AxisRange(0, H)), graph.Slice(start, graph.AxisRange(), graph.AxisRange(H)))
	generator := nn.NewGRUCell(ctx.In("generator"), x, 1, H)
	nothing := graph.Zeros(g, shapes.Make(x.DType(), batch, 1)) // the generator's input
	states := make([]*graph.Node, T)
	for t := range states {
		if t > 0 {
			state = generator.Step(nothing, state)
		}
		states[t] = state
	}
	out := Outcome{H: graph.Stack(states, 1), KLStart: kl, KLPath: graph.ScalarZero(g, x.DType())}                 // [B, T, H]
	out.Z = nn.Linear{Out: m.Factors}.Apply(ctx.In("factors"), nn.Dropout(ctx, out.H, m.Dropout))                  // [B, T, Factors]
	out.LogRates = graph.ClipScalar(nn.Linear{Out: m.Out}.Apply(ctx.In("readout"), out.Z), minLogRate, maxLogRate) // [B, T, Out]
	return out
}

// klRamp is the scalar a training raises from 0 to 1.
const klRamp = "kl ramp"

// Loss builds the training loss of counts [B, Observed+Forward, Out]: the mean Poisson loss exp(l) − x·l, with coordinated dropout, plus the
// weighted KL divergence. It is a [fit.Problem] Loss and reports "nll", "kl start" and "kl path".
func (m *Model) Loss(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	counts := batch[0] // [B, T, Out]
	g := counts.Graph()
	observed := graph.Slice(counts, graph.AxisRange(), graph.AxisRange(0, m.Observed), graph.AxisRange(0, m.In)) // [B, Observed, In]
	seen, learn := nn.CoordinatedDropout(ctx, observed, m.Keep)
	out := m.Forward(ctx, seen, false)
	nll := nn.PoissonNLL(out.LogRates, counts) // [B, T, Out]
	if learn != nil {
		nll = nn.MaskGradient(nll, m.learnAll(learn))
	}
	loss := graph.ReduceAllMean(nll)
	fit.Report(ctx, "nll", loss)
	fit.Report(ctx, "kl start", out.KLStart)
	fit.Report(ctx, "kl path", out.KLPath)
	kl := graph.AddScalar(graph.Add(out.KLStart, out.KLPath), m.pathConstant())
	weight := 0.1
	if m.Balance == Balanced {
		weight = 1 / float64(m.Bins()*m.Out)
	}
	return graph.Add(loss, graph.Mul(fit.Scalar(ctx, g, klRamp), graph.MulScalar(kl, weight)))
}

// learnAll widens the mask of where to learn [B, Observed, In] to [B, Observed+Forward, Out]: bins and neurons that are never shown
// always teach.
func (m *Model) learnAll(learn *graph.Node) *graph.Node {
	g, batch := learn.Graph(), learn.Shape().Dimensions[0]
	yes := func(bins, neurons int) *graph.Node {
		return graph.Ones(g, shapes.Make(learn.DType(), batch, bins, neurons))
	}
	if m.Out > m.In {
		learn = graph.Concatenate([]*graph.Node{learn, yes(m.Observed, m.Out-m.In)}, 2)
	}
	if m.Sizes.Forward > 0 {
		learn = graph.Concatenate([]*graph.Node{learn, yes(m.Sizes.Forward, m.Out)}, 1)
	}
	return learn
}

// sampleGaussian draws [B, D] by reparameterisation from a Gaussian with the given means and log-variances [B, D] and returns its KL
// divergence from N(0, 1), in nats summed over dimensions and averaged over the batch.
func sampleGaussian(ctx *mlctx.Context, mean, logVar *graph.Node) (sample, kl *graph.Node) {
	logVar = graph.ClipScalar(logVar, minLogVar, maxLogVar)
	each := nn.GaussianKL(mean, logVar, 0, 1) // [B, D]
	return nn.Reparameterize(ctx, mean, logVar), graph.MulScalar(graph.ReduceAllSum(each), 1/float64(mean.Shape().Dimensions[0]))
}

// errNoHeldOut is what training without held-out spikes meets.
var errNoHeldOut = errors.New("held-out spikes are required for training: the model predicts neurons it does not read, and their counts are the targets")

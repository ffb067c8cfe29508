package fit

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/metrics"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

// Scopes that hold what training needs and the model does not.
const (
	ownScope     = "/fit"
	scalarScope  = "/fit/scalars"
	adamScope    = "/" + optimizers.AdamDefaultScope
	rateScope    = "/" + optimizers.Scope
	metricsScope = "/" + metrics.Scope
)

const (
	lossName   = "loss"
	reportsKey = "reports"
)

// panicf reports a mistake in building a graph, as GoMLX does; compute.Catch makes an error of it.
func panicf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// Scalar returns the value that the function of that name in Options.Scalars has in the current epoch, a float32 scalar. It may only
// be used in Problem.Loss.
func Scalar(ctx *mlctx.Context, g *graph.Graph, name string) *graph.Node {
	v := ctx.GetVariableByScopeAndName(scalarScope, name)
	if v == nil {
		panicf("no scalar %q: it is not in fit.Options.Scalars, or this graph is not being trained by fit.Train", name)
	}
	return v.ValueGraph(g)
}

func setScalar(vars *mlctx.Context, name string, value float64) error {
	v := vars.InAbsPath(scalarScope).Checked(false).VariableWithValue(name, float32(value)).SetTrainable(false)
	return v.SetValue(tensors.FromScalar(float32(value)))
}

// report is a scalar handed to Report while a graph is built.
type report struct {
	name string
	node *graph.Node
}

// Report makes a curve of a scalar that Problem.Loss computes on the way, such as a term of the loss: its mean over each epoch is
// in Epoch.Train and Epoch.Val under that name.
func Report(ctx *mlctx.Context, name string, scalar *graph.Node) {
	if !scalar.Shape().IsScalar() {
		panicf("reported value %q has shape %s; reduce it to a scalar", name, scalar.Shape())
	}
	g := scalar.Graph()
	own := ctx.InAbsPath(ownScope)
	reports := mlctx.GetGraphParamOr(own, g, reportsKey, []report(nil))
	if name == lossName || slices.ContainsFunc(reports, func(r report) bool { return r.name == name }) {
		panicf("the name %q is reported twice (%q itself always is)", name, lossName)
	}
	own.SetGraphParam(g, reportsKey, append(reports, report{name, scalar}))
}

// stackReports returns the loss and what was reported as one vector, so that a step hands over one tensor, and writes the names.
func stackReports(ctx *mlctx.Context, loss *graph.Node, names *[]string) *graph.Node {
	g := loss.Graph()
	all := append([]report{{lossName, loss}}, mlctx.GetGraphParamOr(ctx.InAbsPath(ownScope), g, reportsKey, []report(nil))...)
	nodes := make([]*graph.Node, len(all))
	*names = make([]string, len(all))
	for i, r := range all {
		(*names)[i] = r.name
		nodes[i] = graph.Reshape(graph.ConvertDType(graph.StopGradient(r.node), loss.DType()), 1)
	}
	if len(nodes) == 1 {
		return nodes[0]
	}
	return graph.Concatenate(nodes, 0) // [1 + reports]
}

// reported is the metric by which GoMLX's trainer returns the loss and the reports of a step.
type reported struct{ names *[]string }

func (*reported) Name() string                         { return "fit" }
func (*reported) ShortName() string                    { return "fit" }
func (*reported) ScopeName() string                    { return "fit" }
func (*reported) MetricType() string                   { return metrics.LossMetricType }
func (*reported) PrettyPrint(v *tensors.Tensor) string { return v.String() }
func (*reported) Reset(*mlctx.Context)                 {}
func (r *reported) UpdateGraph(ctx *mlctx.Context, _, predictions []*graph.Node) *graph.Node {
	return stackReports(ctx, predictions[0], r.names)
}

// floats returns a float32 or float64 vector as float64s.
func floats(t *tensors.Tensor) (out []float64, err error) {
	if t.DType() == dtypes.Float64 {
		return tensors.CopyFlatData[float64](t)
	}
	err = tensors.ConstFlatData(t, func(flat []float32) {
		out = make([]float64, len(flat))
		for i, v := range flat {
			out[i] = float64(v)
		}
	})
	return out, err
}

// isTraining reports whether a variable belongs to the training and not to the model.
func isTraining(v *mlctx.Variable) bool {
	scope := v.Scope()
	for _, s := range []string{ownScope, adamScope, rateScope, metricsScope} {
		if scope == s || strings.HasPrefix(scope, s+"/") {
			return true
		}
	}
	return scope == mlctx.RootScope && (v.Name() == optimizers.GlobalStepVariableName || v.Name() == mlctx.RNGStateVariableName)
}

// modelVariables yields the variables of the model itself: weights and running statistics.
func modelVariables(vars *mlctx.Context) iter.Seq[*mlctx.Variable] {
	return func(yield func(*mlctx.Variable) bool) {
		for v := range vars.IterVariables() {
			if !isTraining(v) && !yield(v) {
				return
			}
		}
	}
}

func deleteTrainingVariables(vars *mlctx.Context) error {
	for _, s := range []string{ownScope, adamScope, rateScope, metricsScope} {
		if err := vars.InAbsPath(s).DeleteVariablesInScope(); err != nil {
			return err
		}
	}
	return vars.DeleteVariable(mlctx.RootScope, optimizers.GlobalStepVariableName)
}

// setVariable sets a scalar variable that a graph has created; before that there is nothing to set.
func setVariable(vars *mlctx.Context, scope, name string, value float64) error {
	v := vars.GetVariableByScopeAndName(scope, name)
	if v == nil {
		return nil
	}
	return v.SetValue(tensors.FromAnyValue(shapes.CastAsDType(value, v.DType())))
}

package nn_test

import (
	"fmt"
	"log"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/nn"
)

// A recurrent network reads sequences [batch, time, features]; a transformer layer looks at all its states.
func Example() {
	backend, err := compute.Open("")
	if err != nil {
		log.Fatal(err)
	}
	encode, err := mlctx.NewExec(backend, mlctx.New(), func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		cell := nn.NewGRUCell(ctx.In("gru"), x, 3, 16)
		h := cell.Zero(2)
		var states []*graph.Node
		for _, xt := range nn.Unstack(x) {
			h = cell.Step(xt, h)
			states = append(states, nn.Dropout(ctx, h, 0.05))
		}
		return nn.TransformerLayer{Heads: 2, Hidden: 32}.Apply(ctx.In("decoder"), nn.Stack(states))
	})
	if err != nil {
		log.Fatal(err)
	}
	out, err := encode.Exec(tensors.FromShape(shapes.Make(dtypes.Float32, 2, 10, 3)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Shape())
	// Output: (Float32)[2 10 16]
}

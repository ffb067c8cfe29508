package runner_test

import (
	"context"
	"fmt"
	"os"

	_ "github.com/gyrus-dev/gyrus/docs/example/leaky"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

func ExampleExecute() {
	home, err := os.MkdirTemp("", "gyrus")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(home)
	out, err := runner.Execute(context.Background(), runner.Config{Paper: "leaky", Preset: papers.Quick, Seeds: 2, Home: home,
		Set: map[string]string{"tau": "8"}, Listen: func(e runner.Event) {
			if e.Kind == runner.SeedFinished {
				fmt.Println("seed", e.Seed, "is done")
			}
		}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Status, "-", out.Document.Claims[0].Says+":", out.Document.Claims[0].Verdict.Status)
	// Output:
	// seed 0 is done
	// seed 1 is done
	// done - Its error is at most half that of the newest sample: reproduced
}

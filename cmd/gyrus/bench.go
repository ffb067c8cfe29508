package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/compute/bench"
	"github.com/gyrus-dev/gyrus/runner"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of this machine with this program",
		Args:  knownVerb,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var o bench.Options
	var only string
	var asJSON bool
	compute := &cobra.Command{
		Use:   "compute",
		Short: "Time the compute backend beside NumPy, PyTorch and JAX on the same work",
		Long: "Time the compute backend beside its peers on the same work, with two threads each, and compare their memory. " +
			"The peers are those that the Python interpreter given by --peers has; without it only this program is measured.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Only, err = regexp.Compile(only); err != nil {
				return &runner.UsageError{Err: fmt.Errorf("--only: %w", err)}
			}
			r, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.WriteTable(cmd.OutOrStdout())
		},
	}
	f := compute.Flags()
	f.StringVar(&o.Python, "peers", "", "Python interpreter that has the peers")
	f.StringVar(&only, "only", "", "run the works whose names match this regular expression")
	f.IntVar(&o.Rounds, "rounds", 2, "how often each side has its turn; the best counts")
	f.BoolVar(&o.Stock, "stock", false, "also time GoMLX's own Go backend (slow)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(compute)
	return cmd
}

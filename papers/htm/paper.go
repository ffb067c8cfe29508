package htm

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "htm", System: "HTM sequence memory",
		Title:   "Continuous online sequence learning with an unsupervised neural network model",
		Authors: 3, Published: "2015-12-16", ArXiv: "1512.05463", Code: "https://github.com/numenta/htmresearch",
		Family: papers.Recurrent,
		Summary: "Mini-columns of binary cells with learning dendrites predict a never-ending stream of symbols or values. " +
			"They learn after every element, tell apart contexts that share all recent elements, and keep several futures open at once.",
		Claims: []papers.Claim{
			{ID: "learns", Origin: papers.FromPaper, Published: "1.00 at element 9990, mean of 10 seeds, stored results",
				Says: "Accuracy over the last 100 sequences reaches 0.98 just before the swap, with no epochs and no resets."},
			{ID: "adapts", Origin: papers.FromPaper, Published: "0.44 at element 11000, 1.00 at 14000, stored results",
				Says: "When endings are swapped, accuracy falls below 0.65 after 1000 elements and is back at 0.98 after 5000, learning all the time."},
			{ID: "beats-batch", Origin: papers.FromPaper, Published: "at 14000: HTM 1.00, LSTM-9000 0.28, ELM 0.28, stored results",
				Says: "4000 elements after the swap HTM leads an LSTM trained on the last 9000 elements by 0.3 and OS-ELM by 0.3."},
			{ID: "cell-death", Origin: papers.FromPaper, Published: "30 % dead: HTM 1.00, LSTM 0.31, stored results",
				Says: "With 30 % of its cells dead HTM loses at most 0.03; an LSTM with 30 % of its units dead loses 0.3 or more."},
			{ID: "two-endings", Origin: papers.FromPaper, Published: "top-2 accuracy 0.98, stored results",
				Says: "Where every context has two endings, both are among the two predictions: top-2 accuracy 0.95."},
			{ID: "context-cells", Origin: papers.Ours,
				Says: "Context lives in the cells and comes from learning: with one cell per column accuracy stays at 0.45 or less, without learning at 0.2 or less."},
			{ID: "sparse-and-burst", Origin: papers.Ours,
				Says: "A predicted element activates one cell per active column, an unpredicted one all cells of them."},
			{ID: "scalar-forecast", Origin: papers.Ours,
				Says: "On a synthetic daily and weekly rhythm HTM's error five steps ahead is less than half that of persistence."},
			{ID: "scalar-adapts", Origin: papers.Ours,
				Says: "After the rhythm changes, HTM that goes on learning has a smaller error than the same HTM frozen at the change."},
			{ID: "taxi", Origin: papers.FromPaper, Published: "altMAPE from record 10000: HTM 0.081, LSTM-6000 0.082, ELM 0.163, persistence 0.322, stored predictions",
				Says: "On New York's taxi counts HTM's error five steps ahead is less than a third of that of persistence, at most 0.10, and no more than 0.02 above an LSTM's."},
		},
		Experiments: []papers.Experiment{discrete, scalar, taxi},
	})
}

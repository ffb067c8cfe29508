package assign_test

// Made by testdata/golden.py.
var (
	wantWide    = 0.7162985909863095
	firstWide   = []int{0, 16, 7, 47, 57, 12, 14, 18, 26, 21, 28, 15}
	wantSquare  = 1.7170980313780353
	firstSquare = []int{186, 56, 148, 47, 131, 12, 4, 105, 26, 80, 10, 15}
)

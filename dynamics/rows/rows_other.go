//go:build !amd64

package rows

func sum(acc, table []float32, at []uint32) { sumPortable(acc, table, at) }

func add(table []float32, at []uint32, x []float32) { addPortable(table, at, x) }

func columns(int, []float32, int, []float32, []uint16, int, []uint16, []uint16) bool { return false }

//go:build !amd64

package kernel

func availableTables() []*kernels { return []*kernels{portableTable()} }

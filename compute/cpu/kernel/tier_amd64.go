package kernel

func availableTables() []*kernels { return []*kernels{portableTable()} }

package records

import "golang.org/x/sys/cpu"

//go:generate go run ./gen -out columns_amd64.s -stubs columns_stub_amd64.go -pkg records

// haveColumns8 says whether this processor has what columns8 is made of.
var haveColumns8 = cpu.X86.HasAVX2

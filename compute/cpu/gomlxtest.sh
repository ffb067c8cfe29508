#!/bin/sh
# Runs GoMLX's own tests of its graph, layers, train and context packages on the "cpu" backend.
#
#   compute/cpu/gomlxtest.sh [-backend go] [arguments of go test]
#
# One test is left out: TestGradientFFT takes the gradient of |z| where z is a true zero, which is the direction of its rounding noise; what
# it expects is that of one implementation of the transform, as GoMLX says there.
#
# The tests open their backend in graphtest.BuildTestBackend, which installs XLA. This script copies the GoMLX module out of the
# module cache, gives the copy a graphtest that opens the backend named here instead, and tests it in a workspace with this module.
set -eu
backend=cpu
if [ "${1:-}" = -backend ]; then
	backend=$2
	shift 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
gomlx=$(cd "$root" && go list -m -f '{{.Dir}}' github.com/gomlx/gomlx)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$gomlx" "$work/gomlx"
chmod -R u+w "$work/gomlx"

# Drop XLA from the test helpers and from the tests that only configure it.
cd "$work/gomlx"
find pkg/core/graph/graphtest pkg/core/graph/graph_test.go -name '*.go' -exec sed -i \
	-e '\#"github.com/gomlx/gomlx/backends/xla"#c\	_ "github.com/gomlx/gomlx/backends/simplego"\n\t_ "github.com/gyrus-dev/gyrus/compute/cpu"' \
	-e 's#backends.DefaultConfig = "xla:cpu"#backends.DefaultConfig = "'"$backend"'"#' \
	-e 's#err := xla.AutoInstall()#var err error#' {} +
printf 'go 1.26.0\n\nuse (\n\t%s\n\t%s\n)\n' "$work/gomlx" "$root" >"$work/go.work"
export GOWORK="$work/go.work" GOMLX_BACKEND="$backend" GOFLAGS=
go test -skip '^TestGradientFFT$' "$@" ./pkg/core/graph/ ./pkg/ml/layers/... ./pkg/ml/train/... ./pkg/ml/context/...

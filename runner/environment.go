package runner

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gyrus-dev/gyrus/report"
)

// Version is the version of this binary: the module's, or the revision it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if version == "" || version == "(devel)" {
		version = "development"
	}
	if revision != "" && !strings.Contains(version, revision[:min(12, len(revision))]) {
		version += " " + revision[:min(12, len(revision))] + dirty
	}
	return version
}

func environment(backend string) report.Environment {
	return report.Environment{Gyrus: Version(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPU: cpuName(), Threads: runtime.GOMAXPROCS(0), Backend: backend}
}

// cpuName is the processor's name where the system tells it in a file, else the architecture.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if key, value, ok := strings.Cut(sc.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

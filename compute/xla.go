//go:build xla

package compute

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/go-xla/pkg/installer"
	"github.com/gomlx/go-xla/pkg/pjrt"
	"github.com/gomlx/gomlx/backends/xla"
)

func init() { xla.EnableAutoInstall(false) } // nothing is downloaded unasked

// cudaPlugin is the PJRT plug-in family the installer knows for current drivers.
const cudaPlugin = "cuda13"

func plugins() []Plugin {
	found := pjrt.AvailablePlugins()
	at := func(prefix string) string {
		for name, path := range found {
			if strings.HasPrefix(name, prefix) {
				return path
			}
		}
		return ""
	}
	return []Plugin{
		{Name: "xla:cpu", Says: "XLA for CPUs, version " + pjrt.DefaultCPUVersion + " from github.com/" + installer.BinaryCPUReleasesRepo, Installed: at("cpu")},
		{Name: "xla:cuda", Says: "XLA for NVIDIA GPUs, from the Python package jax-" + cudaPlugin + "-pjrt and NVIDIA's libraries", Installed: at("cuda")},
	}
}

func findPlugin(ctx context.Context, name string) (*Offer, error) {
	into, err := installer.DefaultHomeLibPath()
	if err != nil {
		return nil, fmt.Errorf("finding the folder for plug-ins: %w", err)
	}
	switch name {
	case "xla:cpu":
		platform := runtime.GOOS + "_" + runtime.GOARCH
		url, err := installer.CPUGetDownloadURL(platform, pjrt.DefaultCPUVersion)
		if err != nil {
			return nil, fmt.Errorf("looking up the XLA CPU plug-in for %s: %w", platform, err)
		}
		return &Offer{Plugin: name, Source: url, Bytes: sizeOf(ctx, url), Into: into, install: func() error {
			return installer.CPUInstall(platform, pjrt.DefaultCPUVersion, into, false, installer.Normal)
		}}, nil
	case "xla:cuda":
		info, pkg, err := installer.CudaGetPJRTPipInfo(cudaPlugin)
		if err != nil {
			return nil, fmt.Errorf("looking up the XLA CUDA plug-in: %w", err)
		}
		o := &Offer{Plugin: name, Source: "the Python package " + pkg + " and the NVIDIA libraries it names", Into: into, install: func() error {
			return installer.CudaInstall(cudaPlugin, "latest", into, false, installer.Normal)
		}}
		for _, f := range info.Releases[info.Info.Version] {
			if installer.PipPackageLinuxAMD64().MatchString(f.Filename) {
				o.Bytes = sizeOf(ctx, f.URL)
			}
		}
		return o, nil
	}
	return nil, fmt.Errorf("there is no plug-in %q; there are xla:cpu and xla:cuda", name)
}

// sizeOf asks a server for the size of a file; 0 means it did not say.
func sizeOf(ctx context.Context, url string) int64 {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return max(0, resp.ContentLength)
}

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/steadyframe/steadyframe/pipeline"
)

// version is set by the linker (-X main.version=...); empty, the build information says it.
var version string

// versionCmd is steadyframe version.
type versionCmd struct{}

// Run prints the version on standard output.
func (versionCmd) Run() error {
	fmt.Printf("steadyframe %s\n", versionText())
	fmt.Printf("%s %s/%s, kernels: %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, pipeline.Kernels())
	return nil
}

// versionText returns the version, with the commit it was built from where that is known.
func versionText() string {
	v := version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v == "" {
		v = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v += " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			v += " modified"
		}
	}
	return v
}

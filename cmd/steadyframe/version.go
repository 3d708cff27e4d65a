package main

import (
	"fmt"
	"runtime"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/pipeline"
)

// version is set by the linker (-X main.version=...); empty, the build information says it.
var version string

// versionCmd is steadyframe version.
type versionCmd struct{}

// Run prints the version on standard output.
func (versionCmd) Run() error {
	fmt.Printf("steadyframe %s\n", cli.Version(version))
	fmt.Printf("%s %s/%s, kernels: %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, pipeline.DescribeKernels())
	return nil
}

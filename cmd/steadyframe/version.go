package main

import (
	"fmt"
	"runtime"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/pipeline"
)

// version is set by the linker (-X main.version=...); empty, the build information says it.
var version string

// versionText is what steadyframe version prints, and --version.
func versionText() string {
	return fmt.Sprintf("steadyframe %s\n%s %s/%s, kernels: %s",
		cli.Version(version), runtime.Version(), runtime.GOOS, runtime.GOARCH, pipeline.DescribeKernels())
}

// versionCmd is steadyframe version.
type versionCmd struct{}

// Run prints the version on standard output.
func (versionCmd) Run() error {
	fmt.Println(versionText())
	return nil
}

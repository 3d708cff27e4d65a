package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// version is set by the linker (-X main.version=...); empty, the build information says it.
var version string

// versionCmd is steadyframe version.
type versionCmd struct{}

// Run prints the version on standard output.
func (versionCmd) Run() error {
	kernels, err := kernelsOf()
	if err != nil {
		return err
	}
	fmt.Printf("steadyframe %s\n", versionText())
	fmt.Printf("%s %s/%s, kernels: %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, kernels)
	return nil
}

// kernelsOf returns the kernels that encode on this processor, as a pipeline explains them.
func kernelsOf() (string, error) {
	p, err := pipeline.Compile(pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 16, Height: 16}}, pipeline.Options{})
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(p.Explain(), "code: ")
	kernels, _, _ := strings.Cut(rest, "\n")
	if !ok {
		return "", fmt.Errorf("a pipeline does not explain its kernels:\n%s", p.Explain())
	}
	return kernels, nil
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

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// benchCmd is steadyframe bench. It runs steadyframe-bench, a program of its own, so that a server does not link plots and
// fonts.
type benchCmd struct {
	Args []string `arg:"" optional:"" values:"pooling,load" help:"What steadyframe-bench is to do: pooling or load, with flags."`
}

// Run runs steadyframe-bench with the same arguments, and does not return where it could be started.
func (c *benchCmd) Run() error {
	program, err := findBench()
	if err != nil {
		return err
	}
	return replace(program, c.Args)
}

// findBench returns the path of steadyframe-bench: beside this program, or on the PATH.
func findBench() (string, error) {
	name := "steadyframe-bench"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if self, err = filepath.EvalSymlinks(self); err == nil {
			if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("bench is a program of its own, %s, which is neither beside this one nor on the PATH: "+
			"`make build` in a checkout of https://github.com/steadyframe/steadyframe builds both into bin/", name)
	}
	return path, nil
}

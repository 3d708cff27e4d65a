//go:build !linux

package ffmpeg

import (
	"os"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() } // The only error is that it has ended.

func killMarked(string) {}

func growPipe(*os.File) {}

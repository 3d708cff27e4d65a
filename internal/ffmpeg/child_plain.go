//go:build !unix

package ffmpeg

import (
	"os"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() } // The only error is that it has ended.

func killDescendants(int, string) {}

func growPipe(*os.File) {}

//go:build !linux

package pooling

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }

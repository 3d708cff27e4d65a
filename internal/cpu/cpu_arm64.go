//go:build !purego

package cpu

import "github.com/steadyframe/steadyframe/internal/impl"

// level is NEON: it is part of every arm64 processor that Go runs on.
func level() impl.Level { return impl.NEON }

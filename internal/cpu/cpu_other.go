//go:build purego || !(amd64 || arm64)

package cpu

import "github.com/steadyframe/steadyframe/internal/impl"

// level is Generic: there are no kernels but those in Go.
func level() impl.Level { return impl.Generic }

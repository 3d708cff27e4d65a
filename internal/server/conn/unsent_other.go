//go:build !linux

package conn

import "net"

// limitUnsent does nothing here: a slow viewer's lag is what the kernel buffers.
func limitUnsent(net.Conn, int) {}

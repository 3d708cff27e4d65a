//go:build !linux

package viewers

import (
	"io"
	"net"
	"sync/atomic"
)

// discard drops what comes on c, and adds it to n.
func discard(c *net.TCPConn, n *atomic.Int64) error {
	for p := make([]byte, 64<<10); ; {
		got, err := io.ReadAtLeast(c, p, 1)
		n.Add(int64(got))
		if err != nil {
			return err
		}
	}
}

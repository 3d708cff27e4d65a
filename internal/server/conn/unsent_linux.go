package conn

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the kernel queues of c's writes beyond what it can send at once (TCP_NOTSENT_LOWAT, tcp(7)).
// It has an effect on TCP alone.
func limitUnsent(c net.Conn, bytes int) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
	})
}

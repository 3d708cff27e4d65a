package viewers

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// discardBytes are dropped at a time at most.
const discardBytes = 1 << 20

// discard drops what comes on c, and adds it to n, without copying it out of the kernel: MSG_TRUNC, see tcp(7).
func discard(c *net.TCPConn, n *atomic.Int64) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var got uintptr
	var errno syscall.Errno
	try := func(fd uintptr) bool {
		for {
			got, _, errno = unix.Syscall6(unix.SYS_RECVFROM, fd, 0, discardBytes, unix.MSG_TRUNC, 0, 0)
			if errno != unix.EINTR {
				return errno != unix.EAGAIN
			}
		}
	}
	for {
		switch err := raw.Read(try); {
		case err != nil:
			return err
		case errno != 0:
			return errno
		case got == 0:
			return io.EOF
		}
		n.Add(int64(got))
	}
}

//go:build unix

package conn

import "syscall"

// hasReadFD says that readFD can be used.
const hasReadFD = true

// readFD reads once from a file descriptor that does not block.
func readFD(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

// writeFD writes once to a file descriptor that does not block.
func writeFD(fd uintptr, p []byte) (int, error) { return syscall.Write(int(fd), p) }

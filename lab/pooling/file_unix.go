//go:build unix

package pooling

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile returns the first n bytes of f, which stay mapped until the process ends.
func mapFile(f *os.File, n int) ([]byte, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return readAll(f, n)
	}
	return data, nil
}

// temporaryFile returns a file that has no name any more.
func temporaryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "steadyframe-bench-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// removeFile ends a file that writeFrames made.
func removeFile(f *os.File) { f.Close() }

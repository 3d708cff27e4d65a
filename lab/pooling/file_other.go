//go:build !unix

package pooling

import "os"

func mapFile(f *os.File, n int) ([]byte, error) { return readAll(f, n) }

// temporaryFile returns a file that the system keeps: one that is open can not be removed there.
func temporaryFile() (*os.File, error) { return os.CreateTemp("", "steadyframe-bench-*") }

// removeFile ends a file that writeFrames made.
func removeFile(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // the system deletes what is left there
}

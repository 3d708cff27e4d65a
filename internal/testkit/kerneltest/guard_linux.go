package kerneltest

import (
	"syscall"
	"testing"
)

// guardedBytes maps the bytes and a page more on either side, and takes the access to those away.
func guardedBytes(t *testing.T, size int, edge Edge) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	inside := (size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, inside+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{m[:page], m[page+inside:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	from := page
	if edge == End {
		from += inside - size
	}
	return m[from : from+size : from+size]
}

package ffmpeg

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// feed copies a stream to the standard input of a child. Until commit is called it keeps what it has read, so that
// another child can be fed from the beginning.
type feed struct {
	src  io.Reader
	keep atomic.Bool

	mu       sync.Mutex // held while the child is written to
	dst      *os.File
	head     []byte // what was read while keep is set
	overflow bool   // more than maxHead bytes were read while keep is set
	ended    bool   // src has ended
}

// maxHead bounds what a feed keeps: far more than ffmpeg reads before its first frame (its option probesize is 5 MB).
const maxHead = 32 << 20

// newFeed starts to copy src to dst. A Read of src that waits is left behind when the child ends.
func newFeed(src io.Reader, dst *os.File) *feed {
	f := &feed{src: src, dst: dst}
	f.keep.Store(true)
	go f.run()
	return f
}

func (f *feed) run() {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.src.Read(buf)
		if !f.write(buf[:n], err != nil) || err != nil {
			return
		}
	}
}

// write hands p to the child. It returns false when no more is wanted.
func (f *feed) write(p []byte, end bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.keep.Load()
	switch {
	case !kept:
		f.head = nil
	case len(f.head)+len(p) > maxHead:
		f.overflow, f.head = true, nil
	case !f.overflow:
		f.head = append(f.head, p...)
	}
	_, err := f.dst.Write(p)
	if end {
		f.ended = true
		f.dst.Close()
	}
	return err == nil || kept
}

// restart feeds dst from the beginning; the child before it has ended. It returns false when that is not possible any
// more.
func (f *feed) restart(dst *os.File) bool {
	f.mu.Lock()
	if f.overflow || !f.keep.Load() {
		f.mu.Unlock()
		return false
	}
	f.dst = dst
	go func() {
		defer f.mu.Unlock()
		f.dst.Write(f.head) // If it fails, the child's log says why.
		if f.ended {
			f.dst.Close()
		}
	}()
	return true
}

// commit says that no other child will be fed.
func (f *feed) commit() { f.keep.Store(false) }

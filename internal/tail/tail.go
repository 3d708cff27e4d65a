// Package tail keeps the end of what a program writes to its standard error: why it failed stands there.
package tail

import (
	"strings"
	"sync"
)

// Writer keeps the last 4 KiB of what was written. The zero Writer is ready; its methods may be called from any goroutine.
type Writer struct {
	mu  sync.Mutex
	buf []byte
}

// keep is how many bytes a Writer keeps.
const keep = 4 << 10

// Write is part of io.Writer. It never fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	if over := len(w.buf) - keep; over > 0 {
		w.buf = w.buf[:copy(w.buf, w.buf[over:])]
	}
	return len(p), nil
}

// LastLine returns the last line that is not empty, without the space around it.
func (w *Writer) LastLine() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.TrimSpace(string(w.buf))
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

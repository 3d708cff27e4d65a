package waits

import (
	"bytes"
	"sync"
)

type line struct{ text []byte }

// Lines can be used by others.
var Lines = sync.Pool{New: func() any { return new(line) }}

type writer struct {
	lines chan *line
	done  chan struct{}
	late  int
}

// Wrong: where the channel is full, the line is dropped.
func (w *writer) offer(text []byte) bool {
	l := Lines.Get().(*line) // want `l from Lines.Get is not put back when the function returns at line \d+`
	l.text = append(l.text[:0], text...)
	select {
	case w.lines <- l:
		return true
	default:
		return false
	}
}

// Wrong: where the writer is done, the line is dropped.
func (w *writer) send(text []byte) {
	l := Lines.Get().(*line) // want `l from Lines.Get is not put back when the function returns at line \d+`
	l.text = append(l.text[:0], text...)
	select {
	case <-w.done:
		w.late++
	case w.lines <- l:
	}
}

// Right.
func (w *writer) offerRight(text []byte) bool {
	l := Lines.Get().(*line)
	l.text = append(l.text[:0], text...)
	select {
	case w.lines <- l:
		return true
	default:
		Lines.Put(l)
		return false
	}
}

func (w *writer) sendRight(text []byte, more chan<- *line) {
	l := Lines.Get().(*line)
	l.text = append(l.text[:0], text...)
	select {
	case <-w.done:
		Lines.Put(l)
	case more <- l:
	case w.lines <- l:
	}
}

// Right: whatever else is sent, the line goes back.
func (w *writer) sendsOther(other chan<- int) {
	l := Lines.Get().(*line)
	defer Lines.Put(l)
	select {
	case <-w.done:
	case other <- len(l.text):
	}
}

// Right: it is tried until it is sent.
func (w *writer) insists(text []byte) {
	l := Lines.Get().(*line)
	l.text = append(l.text[:0], text...)
	for {
		select {
		case w.lines <- l:
			return
		default:
			w.late++
		}
	}
}

var frames = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func read(p []byte) *bytes.Buffer {
	b := frames.Get().(*bytes.Buffer)
	b.Reset()
	b.Write(p)
	return b
}

// Free puts one back.
func Free(b *bytes.Buffer) { frames.Put(b) }

// Wrong: of a wrapper, too.
func forward(p []byte, to chan<- *bytes.Buffer, done <-chan struct{}) {
	b := read(p) // want `b from read is not put back when the function returns at line \d+`
	select {
	case to <- b:
	case <-done:
	}
}

// Wrong: what was in the line is swapped, and the line itself is dropped.
func (w *writer) swap(last *line) error {
	l := Lines.Get().(*line) // want `l from Lines.Get is not put back when the function returns at line \d+`
	l.text, last.text = last.text, l.text
	select {
	case w.lines <- l:
		return nil
	default:
		return errClosed
	}
}

// Wrong: dropped for one more reason, which comes before.
func forwardAll(from <-chan []byte, to chan<- *bytes.Buffer, known map[byte]bool, done <-chan struct{}) {
	for p := range from {
		b := read(p) // want `b from read is not put back when the function returns at line \d+`
		if known[p[0]] {
			continue
		}
		select {
		case to <- b:
		case <-done:
			return
		}
	}
}

// Right: each is sent, and the last one goes back.
func (w *writer) each() {
	for {
		l := Lines.Get().(*line)
		select {
		case w.lines <- l:
		case <-w.done:
			Lines.Put(l)
			return
		}
	}
}

// Wrong: the last one is dropped.
func (w *writer) eachButOne() {
	for {
		l := Lines.Get().(*line) // want `l from Lines.Get is not put back when the function returns at line \d+`
		select {
		case w.lines <- l:
		case <-w.done:
			return
		}
	}
}

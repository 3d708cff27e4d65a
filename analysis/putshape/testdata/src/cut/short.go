package cut

import (
	"io"
	"sync"
)

var pages = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

// Wrong: the next reads as little as this one has.
func copyPage(w io.Writer, r io.Reader) error {
	bp := pages.Get().(*[]byte)
	n, err := r.Read(*bp)
	if err != nil {
		return err
	}
	_, err = w.Write((*bp)[:n])
	return err
}

func firstLine(r io.Reader) string {
	bp := pages.Get().(*[]byte)
	b := *bp
	n, _ := io.ReadFull(r, b)
	*bp = b[:n]
	text := string(*bp)
	pages.Put(bp) // want `the slice goes back with the length that line 28 cuts it to, but line 16 reads into all of what it gets: the next reads less`
	return text
}

// Wrong: ozontech/file.d#836.
type window struct {
	b     []byte
	event []byte
}

func (w *window) reset() {
	w.b = w.b[:0] // want `the slice goes back with the length that line 41 cuts it to, but line 56 reads into all of what it gets: the next reads less`
	w.event = w.event[:0]
}

func getWindow(pool *sync.Pool) *window { return pool.Get().(*window) }

func putWindow(w *window, pool *sync.Pool) {
	w.reset()
	pool.Put(w)
}

func receive(pool *sync.Pool, r io.Reader, handle func([]byte)) error {
	w := getWindow(pool)
	defer putWindow(w, pool)
	for {
		n, err := r.Read(w.b)
		if err != nil {
			return err
		}
		w.event = collect(w.event, w.b[:n])
		handle(w.event)
	}
}

func collect(event, chunk []byte) []byte { return append(event, chunk...) }

func receivePacket(pool *sync.Pool, packet []byte, handle func([]byte)) {
	w := getWindow(pool)
	defer putWindow(w, pool)
	w.b = collect(w.b, packet)
	handle(w.b)
}

// Right: what puts it back makes a new one where it has grown, and who reads makes it longer.
type pane struct{ b []byte }

func (p *pane) reset() { p.b = p.b[:0] }

var panes = sync.Pool{New: func() any { return &pane{b: make([]byte, 4096)} }}

func look(r io.Reader) (n int) {
	p := panes.Get().(*pane)
	p.b = p.b[:cap(p.b)]
	n, _ = r.Read(p.b)
	p.reset()
	panes.Put(p)
	return n
}

// Right: made as long as it can be.
var blocks = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

func readBlock(r io.Reader, handle func([]byte)) {
	bp := blocks.Get().(*[]byte)
	*bp = (*bp)[:cap(*bp)]
	n, _ := r.Read(*bp)
	*bp = (*bp)[:n]
	handle(*bp)
	blocks.Put(bp)
}

func readWholeBlock(r io.Reader, handle func([]byte)) {
	bp := blocks.Get().(*[]byte)
	b := (*bp)[:cap(*bp)]
	n, _ := r.Read(b)
	handle(b[:n])
	*bp = b[:0]
	blocks.Put(bp)
}

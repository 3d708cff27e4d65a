package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// stuckAfter is how long a connection may take nothing of what is written to it before it is closed, where a write of a handler is late.
const stuckAfter = 50 * time.Millisecond

// deadline is that of a handler's writes. Over HTTP/1.1 a write that is late fails. Over HTTP/2 net/http then sends a frame that ends the
// stream, and the write fails once that frame has left, which is never where the client reads nothing of the connection: it is closed
// then. Its methods may be called from any goroutine.
type deadline struct {
	control *http.ResponseController
	conn    *conn.Conn // of HTTP/2; nil: there is nothing to close

	mu     sync.Mutex
	late   *time.Timer // looks whether the connection is stuck; nil: no deadline was set yet
	set    bool        // whether there is one
	closed bool        // whether the connection was closed for it
}

// newDeadline returns that of the response w to r. There is none yet.
func newDeadline(w http.ResponseWriter, r *http.Request) *deadline {
	d := &deadline{control: http.NewResponseController(w)}
	if r.ProtoMajor != 1 {
		d.conn = connOf(r)
	}
	if w, ok := w.(*writer); ok {
		w.late = nil // It has this one.
	}
	return d
}

// within makes writes late that have not ended after so long.
func (d *deadline) within(wait time.Duration) error {
	if d.conn != nil {
		d.mu.Lock()
		d.set = true
		if d.late == nil {
			d.late = time.AfterFunc(wait, d.look)
		} else {
			d.late.Reset(wait)
		}
		d.mu.Unlock()
	}
	return d.control.SetWriteDeadline(time.Now().Add(wait))
}

// none ends the deadline.
func (d *deadline) none() {
	if d.conn == nil {
		return // The next write sets another one.
	}
	d.forget()
	_ = d.control.SetWriteDeadline(time.Time{}) // If it fails, there is nothing that could be late.
}

// forget lets net/http alone keep the deadline, once its handler has returned.
func (d *deadline) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.set = false; d.late != nil {
		d.late.Stop()
	}
}

// look closes the connection if it is stuck, and looks again soon if not: a frame may still be on its way.
func (d *deadline) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.set:
	case d.conn.Stuck(stuckAfter):
		d.closed = true
		_ = d.conn.Close() // It is being thrown away.
	default:
		d.late.Reset(stuckAfter)
	}
}

// missed reports whether the connection was closed, since a write was late.
func (d *deadline) missed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

package httpapi

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// deadlines is a ResponseWriter that remembers the last read deadline. The first is set late, after a stop.
type deadlines struct {
	http.ResponseWriter
	body *body
	last time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	if b := d.body; b != nil {
		d.body = nil
		b.stop()
	}
	d.last = t
	return nil
}

// TestBodyStoppedBesideRead: a stop while a Read sets its own deadline has the last word, or what is read on of the body
// before the response would wait for as long as that deadline.
func TestBodyStoppedBesideRead(t *testing.T) {
	d := &deadlines{}
	b := &body{r: bytes.NewReader(nil), control: http.NewResponseController(d), receive: time.Hour, idle: time.Hour}
	d.body = b
	if _, err := b.Read(make([]byte, 1)); err != error(errStopped) {
		t.Errorf("got error %v, want %v", err, errStopped)
	}
	if d.last.After(time.Now()) {
		t.Errorf("the deadline is %v ahead, want one in the past", time.Until(d.last))
	}
}

// TestNoDeadlineAfterTheBody: when all of the body was read neither a further Read nor a stop sets a deadline.
func TestNoDeadlineAfterTheBody(t *testing.T) {
	d := &deadlines{}
	b := &body{r: bytes.NewReader([]byte("abc")), control: http.NewResponseController(d), receive: time.Hour, idle: time.Hour}
	if got, err := io.ReadAll(b); string(got) != "abc" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	d.last = time.Time{}
	b.nextFrame()
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("got %d bytes, %v, want the end once more", n, err)
	}
	b.stop()
	if !d.last.IsZero() {
		t.Errorf("a deadline was set %v from now, want none", time.Until(d.last))
	}
}

// TestFaultBeforeBody: an invalid request gets its error whether or not a body comes.
func TestFaultBeforeBody(t *testing.T) {
	f := newTestAPI(t, nil)
	for _, path := range []string{"/v1/streams/cam?speed=3", "/v1/encode?speed=3", "/nowhere"} {
		in, out := io.Pipe()
		go out.Write([]byte{1})
		done := make(chan reply, 1)
		go func() { done <- f.send(http.MethodPost, path, "", in) }()
		select {
		case a := <-done:
			if a.status < 400 || a.status > 499 {
				t.Errorf("%s: got %+v, want what is wrong", path, a)
			}
		case <-time.After(2 * time.Minute):
			t.Errorf("%s: got no response within two minutes", path)
		}
		out.Close()
	}
}

// closed is a ResponseWriter whose connection is closed.
type closed struct{ http.ResponseWriter }

func (closed) SetReadDeadline(time.Time) error {
	return &net.OpError{Op: "set", Net: "tcp", Err: net.ErrClosed}
}

// TestBodyOfAClosedConnection: that the connection is closed before the body is read is no fault of the server.
func TestBodyOfAClosedConnection(t *testing.T) {
	b := &body{r: bytes.NewReader([]byte("abc")), control: http.NewResponseController(closed{}), receive: time.Hour, idle: time.Hour}
	if _, err := b.Read(make([]byte, 1)); fault.From(err) == nil || fault.From(err).Kind != fault.Canceled {
		t.Errorf("got %v, want Canceled", err)
	}
}

// failsOnce is a body of net/http that broke off: io.EOF follows the error.
type failsOnce struct{ failed bool }

func (f *failsOnce) Read([]byte) (int, error) {
	if f.failed {
		return 0, io.EOF
	}
	f.failed = true
	return 0, io.ErrUnexpectedEOF
}

// TestBodyThatBrokeOff: what a body returned once it returns again, so that whoever looks ahead cannot take its end for a good one.
func TestBodyThatBrokeOff(t *testing.T) {
	b := &body{r: &failsOnce{}, control: http.NewResponseController(&deadlines{}), receive: time.Hour, idle: time.Hour}
	for range 2 {
		b.nextFrame()
		if _, err := b.Read(make([]byte, 1)); fault.From(err).Kind != fault.Canceled {
			t.Errorf("got %v, want that it broke off", err)
		}
	}
}

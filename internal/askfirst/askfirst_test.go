package askfirst

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// pipe is a Dialer that gives one end of a net.Pipe.
type pipe struct{ net.Conn }

func (p pipe) DialContext(context.Context, string, string) (net.Conn, error) { return p.Conn, nil }

// TestReadsOnceAsked: nothing is read before something was written, and a read that waits ends with the connection.
func TestReadsOnceAsked(t *testing.T) {
	for _, asks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			c, err := Dial(pipe{near})(t.Context(), "tcp", "")
			if err != nil {
				t.Fatal(err)
			}
			var said atomic.Bool
			got := make(chan error)
			go func() {
				_, err := far.Write([]byte("220"))
				said.Store(err == nil)
				_, _ = io.Copy(io.Discard, far)
			}()
			go func() {
				_, err := c.Read(make([]byte, 3))
				got <- err
			}()
			synctest.Wait()
			if said.Load() {
				t.Error("got what the server says before it was asked")
			}
			if asks {
				if _, err := c.Write([]byte("?")); err != nil { // once far has been heard, and reads
					t.Error(err)
				}
			} else {
				c.Close()
			}
			if err := <-got; (err == nil) != asks {
				t.Errorf("asks %t: got %v", asks, err)
			}
			c.Close()
			far.Close()
		})
	}
}

package conn_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// TestDrainPatience: from when the server stops a viewer that hangs has DrainPatience, however long it has hung and
// whatever it had taken before that.
func TestDrainPatience(t *testing.T) {
	for _, took := range []int{0, 10} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			draining := make(chan struct{})
			c := conn.NewHijacked(ours, nil, time.Hour, draining)
			var open conn.Set
			open.Add(c)
			failed := make(chan error, 1)
			go func() {
				failed <- c.WriteParts(nil, make([]byte, 100), nil)
				_ = c.Close()
				open.Remove(c)
			}()
			if _, err := io.ReadFull(theirs, make([]byte, took)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			close(draining)
			begin := time.Now()
			open.Wait(t.Context(), conn.Glance)
			if waited := time.Since(begin); waited > conn.DrainPatience*5/4+conn.Glance {
				t.Errorf("%d bytes taken: got a wait of %v, want %v and a quarter at most", took, waited, conn.DrainPatience)
			}
			if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got error %v, want a deadline's", err)
			}
		})
	}
}

package conn_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// serve is a handler's part: it writes on c, which nobody reads, and removes it when that fails.
func serve(s *conn.Set, c net.Conn) <-chan error {
	s.Add(c)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("picture"))
		_ = c.Close()
		s.Remove(c)
		failed <- err
	}()
	return failed
}

func TestWait(t *testing.T) {
	tests := []struct {
		name     string
		open     bool // there is a connection whose peer takes nothing
		patience time.Duration
		want     time.Duration // how long Wait takes, of a context of 10 s
		err      error         // what the write fails with
	}{
		{name: "none", want: 0},
		{name: "patience", open: true, patience: 2 * time.Second, want: 2 * time.Second, err: os.ErrDeadlineExceeded},
		{name: "cut", open: true, want: 10 * time.Second, err: net.ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s conn.Set
				var failed <-chan error
				if tt.open {
					ours, theirs := net.Pipe()
					defer theirs.Close()
					failed = serve(&s, ours)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				s.Wait(ctx, tt.patience)
				if got := time.Since(start); got != tt.want {
					t.Errorf("Wait: got %v, want %v", got, tt.want)
				}
				if tt.open {
					if err := <-failed; !errors.Is(err, tt.err) && !(tt.err == net.ErrClosed && err != nil) {
						t.Errorf("the write: got %v, want %v", err, tt.err)
					}
				}
				s.Each(func(net.Conn) { t.Error("a connection is left") })
			})
		})
	}
}

package conn

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// failingListener accepts nothing.
type failingListener struct {
	net.Listener
	err error
}

func (l failingListener) Accept() (net.Conn, error) { return nil, l.err }

// TestOutOfFiles: running out of files is logged at once, and again while it lasts, but not with each try.
func TestOutOfFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int // lines
	}{
		{"process", syscall.EMFILE, 3},
		{"system", syscall.ENFILE, 3},
		{"aborted", syscall.ECONNABORTED, 0},
		{"closed", net.ErrClosed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				failed := &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", tt.err)}
				l := &Listener{Listener: failingListener{err: failed}, options: Options{MaxConnections: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}}
				for range 150 { // as net/http and grpc-go try
					if _, err := l.Accept(); !errors.Is(err, tt.err) {
						t.Fatalf("got %v, want %v", err, tt.err)
					}
					time.Sleep(time.Second)
				}
				if got := strings.Count(log.String(), "level=WARN"); got != tt.want || strings.Count(log.String(), "\n") != got {
					t.Errorf("got %d warnings in 150 s, want %d:\n%s", got, tt.want, &log)
				}
			})
		})
	}
}

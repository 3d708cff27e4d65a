package grpcapi

import (
	"io"
	"log/slog"
	"net"
)

// netPipe returns the two ends of a connection without a network.
func netPipe() (near, far net.Conn) { return net.Pipe() }

// textLogger returns a logger that writes to w.
func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

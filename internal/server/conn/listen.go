package conn

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// Listen opens the listener that a setting names, or returns nil for off. Its error names the setting.
func Listen(setting, address string, connections int, log *slog.Logger) (*Listener, error) {
	if address == config.Off {
		return nil, nil
	}
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("server: %s: %w", setting, err)
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("server: %s: %s is in use by another program: %w", setting, address, err)
		case network == "unix" && errors.Is(err, syscall.EINVAL):
			return nil, fmt.Errorf("server: %s: the path of a socket is too long: got %d bytes, want at most 107 (Linux; others less): %w", setting, len(address), err)
		}
		return nil, fmt.Errorf("server: %s: %w", setting, err)
	}
	return &Listener{Listener: l, free: make(chan struct{}, connections), log: log}, nil
}

// removeStale removes the socket of a server that is gone. A socket that someone answers on stays, and so does any
// other file.
func removeStale(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // net.Listen says what is wrong with it, if anything.
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return nil
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return nil
}

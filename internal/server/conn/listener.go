package conn

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// Options say how a Listener listens.
type Options struct {
	MaxConnections int
	TLS            *tls.Config // nil: connections are plain
	UnixTLS        bool        // whether those over Unix sockets use it too: nobody is in between there
	Log            *slog.Logger
	// Passed are listeners that are open already, by the settings that they take the place of.
	Passed map[string]net.Listener
}

// Listen opens the listener that a setting names, or returns nil for off. Its error names the setting.
func Listen(setting, address string, o Options) (*Listener, error) {
	if l := o.Passed[setting]; l != nil {
		return newListener(l, o), nil
	}
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
	return newListener(l, o), nil
}

// newListener returns a Listener on l.
func newListener(l net.Listener, o Options) *Listener {
	if l.Addr().Network() == "unix" && !o.UnixTLS {
		o.TLS = nil
	}
	return &Listener{Listener: l, options: o}
}

// removeStale removes the socket that a crashed server left behind. A socket that another server listens on stays, and
// so does any other file.
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

// Listener accepts a limited number of connections at the same time. Above the limit it evicts the connection that has
// been idle for longest, and where none is idle it closes the new one at once: in the kernel's queue it would wait
// without an error. Accept is for one goroutine.
type Listener struct {
	net.Listener
	options Options
	said    time.Time // when running out of files was last logged

	refused, evicted atomic.Uint64
	in, out          atomic.Int64 // bytes

	mu   sync.Mutex
	open list.List // of *Conn; the one whose requests changed longest ago first
}

// Open returns how many connections are open.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open.Len()
}

// Refused returns how many connections were closed at once, since there were too many and none was idle.
func (l *Listener) Refused() uint64 { return l.refused.Load() }

// Evicted returns how many idle connections were closed to make room for others.
func (l *Listener) Evicted() uint64 { return l.evicted.Load() }

// CountSent counts bytes that were sent to its clients beside their connections.
func (l *Listener) CountSent(n int) { l.out.Add(int64(n)) }

// Bytes returns how many bytes its connections have received and sent, those of TLS and of closed connections among them.
func (l *Listener) Bytes() (in, out int64) { return l.in.Load(), l.out.Load() }

// Cut closes all connections that are open, without a last record of TLS: for that crypto/tls would wait up to 5 s for each peer that
// reads nothing, and who closes them one after the other would wait as often.
func (l *Listener) Cut() {
	l.mu.Lock()
	var open []*Conn
	for e := l.open.Front(); e != nil; e = e.Next() {
		open = append(open, e.Value.(*Conn))
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Conn.Close() // It is being thrown away.
	}
}

// CutOn calls l's Cut when ctx ends, if l is a Listener, unless stop is called before.
func CutOn(ctx context.Context, l net.Listener) (stop func() bool) {
	own, ok := l.(*Listener)
	if !ok {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, own.Cut)
}

// Accept returns the next connection: a *Conn, or with TLS a *tls.Conn over one.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			l.logOutOfFiles(err)
			return nil, err
		}
		c := &Conn{Conn: accepted, listener: l, readiness: newReadiness(accepted)}
		evicted, ok := l.add(c)
		if evicted != nil {
			l.evicted.Add(1)
			_ = evicted.Conn.Close() // It does not count any more.
		}
		switch {
		case !ok:
			l.refused.Add(1)
			_ = accepted.Close() // Its error is of no use to anyone.
		case l.options.TLS != nil:
			return tls.Server(c, l.options.TLS), nil
		default:
			return c, nil
		}
	}
}

// add counts c as open, after evicting an idle connection where the limit is reached. It returns false where none is
// idle.
func (l *Listener) add(c *Conn) (evicted *Conn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open.Len() >= l.options.MaxConnections {
		if evicted = l.longestIdle(); evicted == nil {
			return nil, false
		}
		l.drop(evicted)
	}
	c.place = l.open.PushBack(c)
	return evicted, true
}

// longestIdle returns the connection that has been idle for longest, or nil. l.mu is held.
func (l *Listener) longestIdle() *Conn {
	for e := l.open.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*Conn); c.requests == 0 {
			return c
		}
	}
	return nil
}

// drop removes c from the open connections, if it is still there. l.mu is held.
func (l *Listener) drop(c *Conn) {
	if c.place != nil {
		l.open.Remove(c.place)
		c.place = nil
	}
}

// logEvery is how often running out of files is logged while it lasts.
const logEvery = time.Minute

// logOutOfFiles logs err, rate-limited, if the process or the system may open no more files. The caller of Accept tries
// again without a word.
func (l *Listener) logOutOfFiles(err error) {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !l.said.IsZero() && time.Since(l.said) < logEvery {
		return
	}
	l.said = time.Now()
	l.options.Log.Warn("connections wait: raise the limit of open files (ulimit -n), or lower limits.max_connections", "err", err)
}

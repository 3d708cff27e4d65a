//go:build linux

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// What a connection is doing, for check.
const (
	reading int32 = iota // waiting for the client
	working              // waiting for memory or a turn, or encoding
	patient              // waiting for a client that may be silent
)

// readAhead is how many messages are read with one call.
const readAhead = 32

// connection is one client. Its goroutine, serve, reads and does what the messages say.
type connection struct {
	*Server
	conn *conn.Conn
	unix *net.UnixConn
	raw  syscall.RawConn
	peer string
	id   *auth.Identity // once it is authorized

	ctx    context.Context
	cancel context.CancelCauseFunc
	doing  atomic.Int32
	since  atomic.Int64 // when it began, in nanoseconds since the engine's start

	in       [readAhead * ring.Size]byte // what was read: in[from:to] is still to be looked at
	from, to int

	memory
	slots  []slot
	plan   atomic.Pointer[engine.Plan] // of encoding; nil: none
	pinged time.Time                   // when the second began that pings counts in
	pings  int

	sending sync.Mutex // guards what follows
	out     []byte     // what is being written, and the descriptors with it
	rights  []byte
	failed  error
	write   func(fd uintptr) bool // tryWrite, as a value: a new one for each call would be allocated
	hungUp  bool                  // of tryPoll, which check alone calls
	poll    func(fd uintptr)
}

// newConnection returns nil for what is no unix socket.
func newConnection(s *Server, c *conn.Conn) *connection {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil
	}
	n := &connection{Server: s, memory: memory{server: s}, conn: c, unix: u, raw: raw, peer: "unknown"}
	n.ctx, n.cancel = context.WithCancelCause(engine.WithClient(context.Background(), new(engine.Client)))
	n.write, n.poll = n.tryWrite, n.tryPoll
	n.enter(working)
	return n
}

// serve serves the connection until it ends, and gives back what it holds.
func (c *connection) serve() {
	c.conn.Begin() // Its memory is in use by the client: it is never idle, as a connection of HTTP may be.
	begin := time.Now()
	err := c.protect(c.run)
	if err != nil {
		c.refuse(fault.From(err), begin)
	}
	c.cancel(net.ErrClosed)
	c.memory.close()
	_ = c.conn.Close() // The client has closed it, or has had time to.
}

// run serves the connection. It returns nil when the client has ended it.
func (c *connection) run() error {
	if err := c.authorize(); err != nil {
		return err
	}
	h, err := c.readHello()
	if err != nil {
		return err
	}
	if h.Client != "" {
		c.peer = fmt.Sprintf("%s, %s", strings.ToValidUTF8(h.Client, ""), c.peer)
	}
	switch h.Use {
	case ring.Encode:
		return c.encode(h)
	case ring.Publish:
		return c.publish(h)
	default:
		return c.view(h)
	}
}

// protect returns f's error, and makes one of its panic.
func (c *connection) protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic in a connection of the ring", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fault.Errorf(fault.Internal, "ring: panic: %v", v)
		}
	}()
	return f()
}

// authorize asks the kernel who the peer is.
func (c *connection) authorize() error {
	var peer *unix.Ucred
	var failed error
	if err := c.raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return canceled(err) // It is closed.
	}
	if failed != nil {
		return fault.Errorf(fault.Unauthorized, "ring: the kernel does not say who connects: %v", failed)
	}
	c.peer = fmt.Sprintf("pid %d, user %d", peer.Pid, peer.Uid)
	var err error
	c.id, err = c.users.Identify(int(peer.Uid))
	return err
}

// readHello reads the first message, for which the client has timeouts.receive.
func (c *connection) readHello() (ring.Hello, error) {
	limit := time.Duration(c.engine.Config.Timeout.Receive)
	if err := c.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return ring.Hello{}, canceled(err)
	}
	var m ring.Message
	if _, err := io.ReadFull(c.conn, m[:]); err != nil {
		return ring.Hello{}, c.helloError(err)
	}
	version, ok := m.HelloVersion()
	switch n := m.Payload(); {
	case !ok:
		return ring.Hello{}, fault.Errorf(fault.Unsupported, "ring: got something else than a hello of the ring")
	case version != ring.Version:
		return ring.Hello{}, fault.Errorf(fault.Unsupported, "ring: got version %d of the protocol, want %d", version, ring.Version)
	case n > ring.MaxHello:
		return ring.Hello{}, fault.LimitOf("bytes of a hello", int64(n), ring.MaxHello, "ring: the hello is too large")
	}
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, c.conn, int64(m.Payload())); err != nil {
		return ring.Hello{}, c.helloError(err)
	}
	h, err := ring.ParseHello(payload.Bytes())
	if err != nil {
		f := &fault.Error{Kind: fault.Invalid, Err: err}
		if wrong := (*ring.HelloError)(nil); errors.As(err, &wrong) {
			f.Field = wrong.Field
		}
		return ring.Hello{}, f
	}
	if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
		return ring.Hello{}, canceled(err)
	}
	if c.engine.IsDraining() { // drain may have set the deadline before.
		return ring.Hello{}, errDraining
	}
	return h, nil
}

// helloError returns why there is no hello.
func (c *connection) helloError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && c.ctx.Err() == nil && !c.engine.IsDraining() {
		return fault.Errorf(fault.Slow, "ring: the hello did not come within timeouts.receive")
	}
	return c.readError(err)
}

// readError returns why a read failed: nil when the client has ended the connection.
func (c *connection) readError(err error) error {
	switch cause := context.Cause(c.ctx); {
	case cause != nil:
		return cause
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errEnded
	case errors.Is(err, os.ErrDeadlineExceeded) && c.engine.IsDraining():
		return errDraining
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Errorf(fault.Invalid, "ring: got a part of a message, want %d bytes", ring.Size)
	}
	return canceled(err)
}

// errEnded says that the client has ended the connection.
var errEnded = &fault.Error{Kind: fault.Canceled, Reason: "the client has closed the connection"}

func canceled(err error) error { return &fault.Error{Kind: fault.Canceled, Err: err} }

// next returns the next message. If wait, it waits for one; otherwise nil says that none has been read yet. It is good until
// the next call. The error is errEnded when the client has ended the connection.
func (c *connection) next(wait bool) (*ring.Message, error) {
	for c.to-c.from < ring.Size {
		if !wait {
			return nil, nil
		}
		c.to = copy(c.in[:], c.in[c.from:c.to])
		c.from = 0
		n, err := c.conn.Read(c.in[c.to:])
		c.to += n
		if err != nil {
			if err == io.EOF && c.to > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, c.readError(err)
		}
	}
	m := (*ring.Message)(c.in[c.from:])
	c.from += ring.Size
	if n := m.Payload(); n != 0 {
		return nil, fault.Errorf(fault.Invalid, "ring: got a payload of %d bytes with a message of kind %d, want none", n, m.Kind())
	}
	return m, nil
}

// maxPings is how many PINGs a client may send in a second.
const maxPings = 100

// ping counts a PING. The error is about too many: they keep nothing going but the socket.
func (c *connection) ping() error {
	if now := time.Now(); now.Sub(c.pinged) >= time.Second {
		c.pinged, c.pings = now, 0
	}
	if c.pings++; c.pings > maxPings {
		return fault.Errorf(fault.Invalid, "ring: got more than %d PINGs within a second", maxPings)
	}
	return nil
}

// unread makes the message that next has just returned the next one again.
func (c *connection) unread() { c.from -= ring.Size }

// wrongKind is the error for a message that does not belong to the use of the connection.
func wrongKind(m *ring.Message, want string) error {
	return fault.Errorf(fault.Invalid, "ring: got a message of kind %d, want %s", m.Kind(), want)
}

// send writes whole messages, with descriptors, and never waits: a client that does not read until the socket is full is
// disconnected. It borrows both.
func (c *connection) send(p []byte, fds ...int) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.out, c.rights, c.failed = p, nil, nil
	if len(fds) > 0 {
		c.rights = unix.UnixRights(fds...)
	}
	err := c.raw.Write(c.write)
	if err == nil {
		err = c.failed
	}
	c.out = nil
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOBUFS):
		err = fault.Errorf(fault.Slow, "ring: the client does not read what it is sent")
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		err = errEnded
	default:
		err = canceled(err)
	}
	c.end(err)
	return err
}

// tryWrite writes without waiting.
func (c *connection) tryWrite(fd uintptr) bool {
	for len(c.out) > 0 {
		var n int
		var err error
		if c.rights != nil {
			n, err = unix.SendmsgN(int(fd), c.out, c.rights, nil, unix.MSG_NOSIGNAL)
		} else {
			n, err = syscall.Write(int(fd), c.out)
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			c.failed = err
			break
		}
		c.out, c.rights = c.out[n:], nil
	}
	return true
}

// enter says what the connection does from now on.
func (c *connection) enter(doing int32) {
	c.since.Store(int64(time.Since(c.engine.Started)))
	c.doing.Store(doing)
}

// end makes serve end with err, if nothing else was the cause before.
func (c *connection) end(err error) {
	c.cancel(err)
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // It fails on a closed connection.
}

// drain makes the next read end the connection, since the server stops: what has been read is answered first. engine.Drain
// comes before it.
func (c *connection) drain() {
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // It fails on a closed connection.
}

var errDraining = &fault.Error{Kind: fault.Draining, Reason: "the server is stopping"}

// staleAfter is how long a client that is silent keeps a scene that was unloaded or replaced.
const staleAfter = time.Second

// errStale ends a connection so that its scene's memory comes back: a client that goes on connects again.
var errStale = &fault.Error{Kind: fault.Canceled, Reason: "the scene was unloaded or replaced"}

// cut ends the connection at once.
func (c *connection) cut() {
	c.end(errDraining)
	_ = c.conn.Close()
}

// check ends the connection if its client is gone while it works, or has been silent for too long.
func (c *connection) check() {
	doing := c.doing.Load()
	took := time.Since(c.engine.Started) - time.Duration(c.since.Load())
	switch {
	case doing == working && took > watchEvery:
		if c.hungUp = false; c.raw.Control(c.poll) != nil || c.hungUp {
			c.end(errEnded)
		}
	case doing == reading && took > time.Duration(c.stale.Load()) && c.plan.Load().Stale():
		c.end(errStale)
	case doing == reading && took > time.Duration(c.engine.Config.Timeout.Idle):
		c.end(fault.Errorf(fault.Slow, "ring: the client was silent for timeouts.idle"))
	}
}

// tryPoll finds out whether the peer has closed the connection, in both directions.
func (c *connection) tryPoll(fd uintptr) {
	p := [1]unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(p[:], 0)
	c.hungUp = err == nil && n == 1 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// refuse counts and logs why the server ends the connection, tells the client, and gives it a moment to read that and what came
// before it.
func (c *connection) refuse(f *fault.Error, begin time.Time) {
	if f == errEnded || f.Kind == fault.Canceled {
		return
	}
	c.engine.Metrics.Rejected(f.Kind)
	c.logFault(f, begin)
	_ = c.send(errorOf(f).AppendError(nil)) // If it cannot be sent, the client sees the end alone.
	_ = c.unix.CloseWrite()                 // As above.
	_ = c.conn.SetReadDeadline(time.Now().Add(linger))
	for {
		if _, err := c.conn.Read(c.in[:]); err != nil {
			return
		}
	}
}

// logFault says why the server ends a connection.
func (c *connection) logFault(f *fault.Error, begin time.Time) {
	suppressed, ok := c.logged.Admit(f)
	if !ok {
		return
	}
	log := c.log
	if suppressed > 0 {
		log = log.With("suppressed", suppressed)
	}
	level := slog.LevelWarn
	switch f.Kind {
	case fault.Internal:
		level = slog.LevelError
	case fault.Draining, fault.NotFound, fault.Offline: // Viewers ask again and again until their stream is there.
		level = slog.LevelDebug
	}
	log.Log(context.Background(), level, "ring connection ended", "peer", fault.Cut(c.peer), "lasted", time.Since(begin).Round(time.Millisecond).String(),
		"kind", f.Kind.String(), "reason", fault.Cut(f.Error()))
}

// errorOf returns f as clients are told it.
func errorOf(f *fault.Error) *ring.ServerError {
	return &ring.ServerError{Code: codeOf(f), Text: f.Error(), Field: f.Field, Limit: f.Limit, Got: f.Got, Max: f.Max, RetryAfter: f.RetryAfter}
}

// codeOf returns the code of f on the wire.
func codeOf(f *fault.Error) uint16 { return uint16(f.Kind) + 1 }

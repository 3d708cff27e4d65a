package ring

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is the client's side of a connection. One goroutine may Send while another calls Recv. Slots are used by whoever has
// them.
type Conn struct {
	Layout Layout

	socket        *net.UnixConn
	input, output *Memory
	areas         []area

	in       [32 * Size]byte
	from, to int
	raw      syscall.RawConn
	read     func(fd uintptr) bool // tryRead, as a value: a new one for each call would be allocated
	failed   error
	oob      []byte
	oobLen   int
	fds      []int // that came and are not used yet
	payload  []byte
}

// area is where the images of a slot are.
type area struct {
	bytes []byte
	grown *Memory // nil: it is in Conn.output
}

// Probe returns nil if a server listens at a path.
func Probe(ctx context.Context, path string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return c.Close()
}

// Dial connects to the server at a path and says h. The error is a *ServerError when the server refused.
func Dial(ctx context.Context, path string, h Hello) (*Conn, error) {
	var d net.Dialer
	dialed, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	c := &Conn{socket: dialed.(*net.UnixConn), oob: make([]byte, unix.CmsgSpace(4*4))}
	if c.raw, err = c.socket.SyscallConn(); err != nil {
		c.Close()
		return nil, fmt.Errorf("ring: %w", err)
	}
	c.read = c.tryRead
	stop := context.AfterFunc(ctx, func() { _ = c.socket.SetDeadline(time.Unix(1, 0)) })
	err = c.open(h)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// open says h and maps the memory that the server sends.
func (c *Conn) open(h Hello) error {
	payload, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("ring: hello: %w", err)
	}
	if len(payload) > MaxHello {
		return fmt.Errorf("ring: hello: got %d bytes of JSON, want at most %d", len(payload), MaxHello)
	}
	var m Message
	m.SetHello(len(payload))
	if err := c.Send(append(m[:], payload...)); err != nil {
		// The server may have said why.
		if _, recv := c.Recv(&m); recv != nil {
			err = recv
		}
		return err
	}
	if _, err := c.Recv(&m); err != nil {
		return err
	}
	l, ok := ParseLayout(&m)
	if !ok {
		return fmt.Errorf("%w: got a message of kind %d with numbers that cannot be, want ACCEPTED", ErrLost, m.Kind())
	}
	c.Layout = l
	if l.InputSlot > 0 {
		if c.input, err = c.mapNext(l.Slots*l.InputSlot, true); err != nil {
			return err
		}
	}
	if l.OutputSlot > 0 {
		if c.output, err = c.mapNext(l.Slots*l.OutputSlot, false); err != nil {
			return err
		}
	}
	c.areas = make([]area, l.Slots)
	for i := range c.areas {
		if c.output != nil {
			c.areas[i].bytes = c.output.Bytes()[i*l.OutputSlot:][:l.OutputSlot]
		}
	}
	return nil
}

// mapNext maps the memory of the descriptor that came first.
func (c *Conn) mapNext(n int, write bool) (*Memory, error) {
	if len(c.fds) == 0 {
		return nil, fmt.Errorf("%w: got a message without its descriptor", ErrLost)
	}
	fd := c.fds[0]
	c.fds = c.fds[1:]
	return MapMemory(fd, n, write)
}

// Input returns the memory of a slot for frames. It must not be used after Close.
func (c *Conn) Input(slot int) []byte {
	return c.input.Bytes()[slot*c.Layout.InputSlot:][:c.Layout.InputSlot:c.Layout.InputSlot]
}

// Frame returns the memory of a frame in a slot. It must not be used after Close.
func (c *Conn) Frame(slot, n int) []byte {
	return c.Input(slot)[n*c.Layout.FramePitch:][:c.Layout.FrameBytes:c.Layout.FrameBytes]
}

// Area returns the output area of a slot, as it is since the last Recv. It must not be used after Close.
func (c *Conn) Area(slot int) []byte { return c.areas[slot].bytes }

// Send writes whole messages. It waits while the server does not read.
func (c *Conn) Send(p []byte) error {
	if _, err := c.socket.Write(p); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

// Recv waits for a message, and returns its payload, which is good until the next Recv. An OUTPUT it deals with itself. The error
// is a *ServerError for an ERROR, io.EOF, or one that wraps ErrLost.
func (c *Conn) Recv(m *Message) (payload []byte, err error) {
	for {
		if err := c.fill(m[:], 0); err != nil {
			return nil, err
		}
		n := m.Payload()
		if n > MaxText {
			return nil, fmt.Errorf("%w: got a payload of %d bytes, want at most %d", ErrLost, n, MaxText)
		}
		if n > 0 {
			c.payload = append(c.payload[:0], make([]byte, n)...)
			if err := c.fill(c.payload, len(m)); err != nil {
				return nil, err
			}
		}
		switch m.Kind() {
		case KindOutput:
			if err := c.replace(m); err != nil {
				return nil, err
			}
		case KindError:
			return nil, ParseError(m, c.payload[:n])
		case KindAccepted, KindDone, KindImage, KindStatus:
			return c.payload[:n], nil
		default: // of a later version
		}
	}
}

// replace maps the memory that an OUTPUT brings.
func (c *Conn) replace(m *Message) error {
	n, ok := m.OutputBytes()
	if !ok || int64(m.Slot()) >= int64(len(c.areas)) {
		return fmt.Errorf("%w: got an OUTPUT with numbers that cannot be", ErrLost)
	}
	made, err := c.mapNext(n, false)
	if err != nil {
		return err
	}
	a := &c.areas[m.Slot()]
	a.grown.Close()
	a.grown, a.bytes = made, made.Bytes()
	return nil
}

// fill reads len(p) bytes of a message, behind so many before. The error is io.EOF between two messages alone.
func (c *Conn) fill(p []byte, before int) error {
	for {
		n := copy(p, c.in[c.from:c.to])
		c.from, before = c.from+n, before+n
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		c.from, c.to = 0, 0
		err := c.raw.Read(c.read)
		switch err = cmp.Or(err, c.failed); {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrLost, err)
		case c.to == 0 && before > 0:
			return fmt.Errorf("%w: %w", ErrLost, io.ErrUnexpectedEOF)
		case c.to == 0:
			return io.EOF
		case c.oobLen > 0:
			if err := c.keep(c.oob[:c.oobLen]); err != nil {
				return err
			}
		}
	}
}

// tryRead reads once, without waiting. net.UnixConn.ReadMsgUnix would allocate the address of the server.
func (c *Conn) tryRead(fd uintptr) bool {
	for {
		iov := unix.Iovec{Base: &c.in[0]}
		iov.SetLen(len(c.in))
		h := unix.Msghdr{Iov: &iov, Control: &c.oob[0]}
		h.SetIovlen(1)
		h.SetControllen(len(c.oob))
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&h)), unix.MSG_CMSG_CLOEXEC)
		switch errno {
		case 0:
			c.to, c.oobLen, c.failed = int(n), int(h.Controllen), nil
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.failed = errno
			return true
		}
	}
}

// keep keeps the descriptors that came.
func (c *Conn) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		c.fds = append(c.fds, fds...)
	}
	return nil
}

// CloseWrite says that nothing more will be sent.
func (c *Conn) CloseWrite() error { return c.socket.CloseWrite() }

// SetReadDeadline is that of a net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.socket.SetReadDeadline(t) }

// Hangup ends the connection, and a Recv that waits. The memory stays until Close.
func (c *Conn) Hangup() { _ = c.socket.Close() }

// Close ends the connection and unmaps its memory. Nothing may use that any more, and no Recv may wait. A second Close does
// nothing.
func (c *Conn) Close() {
	c.Hangup()
	for _, fd := range c.fds {
		_ = unix.Close(fd)
	}
	c.fds = nil
	for i := range c.areas {
		c.areas[i].grown.Close()
	}
	c.areas = nil
	c.input.Close()
	c.output.Close()
}

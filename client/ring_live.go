package client

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ringPublisher is a Publisher through the ring.
type ringPublisher struct {
	conn    *ring.Conn
	ctx     context.Context
	jpegs   bool
	free    chan ringSlot // slots that are the client's
	message ring.Message  // of send
	unwatch func() bool   // of ctx
}

// ringSlot is a slot and its generation.
type ringSlot struct{ slot, generation uint32 }

// publish is Client.Publish.
func (l *ringLink) publish(ctx context.Context, name string, spec pipeline.Spec, o PublishOptions) (*Publisher, error) {
	conn, err := ring.Dial(ctx, l.path, ring.Hello{Use: ring.Publish, Stream: name, Spec: spec, Batch: o.Regions, FPS: o.MaxFPS, Client: "go"})
	if err != nil {
		return nil, ringError(err)
	}
	r := &ringPublisher{conn: conn, ctx: ctx, jpegs: spec.Input == frame.Desc{} && spec.Scene == "", free: make(chan ringSlot, conn.Layout.Slots)}
	for i := range conn.Layout.Slots {
		r.free <- ringSlot{uint32(i), 1}
	}
	r.unwatch = context.AfterFunc(ctx, conn.Hangup)
	p := &Publisher{ended: make(chan struct{}), ring: r}
	p.status.Store(&PublishStatus{})
	go r.follow(p)
	return p, nil
}

// follow takes in statuses and slots until the connection ends.
func (r *ringPublisher) follow(p *Publisher) {
	defer close(p.ended)
	defer r.unwatch()
	var m ring.Message
	last := false
	for {
		payload, err := r.conn.Recv(&m)
		switch {
		case last && err != nil:
			return
		case err == io.EOF && r.ctx.Err() == nil:
			p.err = ringError(fmt.Errorf("%w before it said what has become of all frames", ring.ErrLost))
			return
		case err != nil:
			if r.ctx.Err() != nil {
				err = r.ctx.Err()
			}
			p.err = ringError(err)
			return
		}
		switch m.Kind() {
		case ring.KindDone:
			d := ring.ParseDone(&m)
			select {
			case r.free <- ringSlot{d.Slot, d.Generation}:
			default: // more slots than there are: no server does that
			}
		case ring.KindStatus:
			s, dropped := ring.ParseStatus(&m), ring.ParseDropped(payload)
			last = s.Flags&ring.FlagLast != 0
			p.status.Store(&PublishStatus{
				Arrived: s.Arrived, Published: s.Published, Same: s.Same, Viewers: int(s.Viewers), FPSOut: s.FPSOut,
				Dropped: Dropped{Newer: dropped[0], Capped: dropped[1], Unseen: dropped[2], NoMemory: dropped[3], Failed: dropped[4]},
			})
		}
	}
}

// send is Publisher.SendCaptured.
func (r *ringPublisher) send(p *Publisher, at time.Time, frames [][]byte) error {
	if len(frames) == 0 {
		r.message.SetPing()
		return r.hand(p)
	}
	for _, f := range frames {
		if most := r.conn.Layout.FrameBytes; len(f) > most || len(f) == 0 || !r.jpegs && len(f) != most {
			return &Error{Code: codes.InvalidArgument, Reason: fmt.Sprintf("got a frame of %d bytes, want %d", len(f), most), Field: "frames"}
		}
		select {
		case s := <-r.free:
			submit := ring.Submit{Slot: s.slot, Generation: s.generation, Frames: 1, CapturedUS: uint64(max(at.UnixMicro(), 0))}
			if r.jpegs {
				submit.Bytes = uint32(len(f))
			}
			copy(r.conn.Frame(int(s.slot), 0), f)
			submit.Set(&r.message)
		case <-p.ended:
			return r.endedError(p)
		}
		if err := r.hand(p); err != nil {
			return err
		}
	}
	return nil
}

// hand sends the message. When that fails, follow says why.
func (r *ringPublisher) hand(p *Publisher) error {
	if err := r.conn.Send(r.message[:]); err != nil {
		r.conn.Hangup()
		<-p.ended
		return r.endedError(p)
	}
	return nil
}

func (r *ringPublisher) endedError(p *Publisher) error {
	if p.err != nil {
		return p.err
	}
	return ringError(ring.ErrLost)
}

// close is Publisher.Close.
func (r *ringPublisher) close(p *Publisher) (PublishStatus, error) {
	_ = r.conn.CloseWrite() // It fails on a connection that has ended, which follow sees.
	<-p.ended
	r.conn.Close()
	return p.Status(), p.err
}

// ringWatcher is a Watcher through the ring. The images that it lends are in shared memory, until the next one.
type ringWatcher struct {
	conn    *ring.Conn
	ctx     context.Context
	message ring.Message
	unwatch func() bool

	mu     sync.Mutex // held by next: the memory must stay
	again  bool       // the image of last is the caller's
	last   ring.Image
	closed bool
}

// watch is Client.Watch.
func (l *ringLink) watch(ctx context.Context, name string, o WatchOptions) (*Watcher, error) {
	conn, err := ring.Dial(ctx, l.path, ring.Hello{Use: ring.Watch, Stream: name, FPS: o.MaxFPS, Slots: min(o.InFlight, ring.MaxSlots), Client: "go"})
	if err != nil {
		return nil, ringError(err)
	}
	r := &ringWatcher{conn: conn, ctx: ctx}
	r.unwatch = context.AfterFunc(ctx, conn.Hangup)
	return &Watcher{ring: r, cancel: r.close}, nil
}

// next is Watcher.Next.
func (r *ringWatcher) next(i *LiveImage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ringError(context.Canceled)
	}
	if r.again {
		r.again = false
		r.message.SetRelease(r.last.Slot, r.last.Generation)
		_ = r.conn.Send(r.message[:]) // What is wrong, Recv says.
	}
	if _, err := r.conn.Recv(&r.message); err != nil {
		if r.ctx.Err() != nil {
			err = r.ctx.Err()
		}
		return ringError(err)
	}
	p := ring.ParseImage(&r.message)
	if r.message.Kind() != ring.KindImage || int64(p.Slot) >= int64(r.conn.Layout.Slots) || int64(p.Bytes)+int64(p.Alpha) > int64(len(r.conn.Area(int(p.Slot)))) {
		return ringError(fmt.Errorf("%w: got a message of kind %d with numbers that cannot be, want IMAGE", ring.ErrLost, r.message.Kind()))
	}
	r.last, r.again = p, true
	*i = LiveImage{
		Data: r.conn.Area(int(p.Slot))[:p.Bytes:p.Bytes], Seq: p.Seq, Captured: time.UnixMicro(int64(p.CapturedUS)), Sent: time.UnixMicro(int64(p.SentUS)),
		Width: int(p.Width), Height: int(p.Height), Offline: p.Flags&ring.FlagOffline != 0, Repeat: p.Flags&ring.FlagRepeat != 0,
		memory: i.memory,
	}
	if end := uint64(p.Bytes) + uint64(p.Alpha); p.Alpha > 0 {
		i.Alpha = r.conn.Area(int(p.Slot))[p.Bytes:end:end]
	}
	return nil
}

// close is Watcher.Close. The last image goes with it.
func (r *ringWatcher) close() {
	r.unwatch()
	r.conn.Hangup()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.conn.Close()
}

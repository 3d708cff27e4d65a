//go:build linux

package ring

import (
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// usualJPEG is the size of areas for live images to begin with: 1080p at quality 75.
const usualJPEG = 256 << 10

// viewing is a connection that is sent the images of a live stream. Its goroutine reads which slots are free again; another copies
// images into them.
type viewing struct {
	*connection
	viewer *stream.Viewer
	free   chan uint32 // slots that are the server's, in the order in which they came back

	owning sync.Mutex // guards who has the slots
}

// view serves a connection for watching. The error is as of run.
func (c *connection) view(h ring.Hello) error {
	if err := checkRate(h.FPS); err != nil {
		return err
	}
	l, err := newLayout(h.Slots, 1, 0, usualJPEG)
	if err != nil {
		return err
	}
	v := &viewing{connection: c, free: make(chan uint32, h.Slots)}
	if v.viewer, err = c.id.View(c.live.Hub, h.Stream, stream.ViewerOptions{Transport: "ring", Peer: c.peer, MaxFPS: h.FPS}); err != nil {
		return err
	}
	defer v.viewer.Close()
	if err := c.memory.open(c.ctx, l, 0); err != nil {
		return err
	}
	if err := c.makeSlots(frame.Desc{}, true); err != nil {
		return err
	}
	defer c.freeSlots()
	for i := range c.slots {
		v.free <- uint32(i)
	}
	var m ring.Message
	l.Set(&m)
	if err := c.send(m[:], c.descriptors()...); err != nil {
		return err
	}
	c.enter(patient)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.protect(v.show); err != nil {
			c.end(err)
		}
	}()
	err = v.receive()
	c.cancel(err) // It ends show.
	<-ended
	return err
}

// receive takes slots back until the connection ends.
func (v *viewing) receive() error {
	for {
		m, err := v.next(true)
		if err != nil {
			return err
		}
		switch m.Kind() {
		case ring.KindPing:
			if err := v.ping(); err != nil {
				return err
			}
		case ring.KindRelease:
			v.owning.Lock()
			s, err := v.claim(m.Slot(), m.Generation(), false)
			if err == nil {
				s.generation++
				s.ours = true
			}
			v.owning.Unlock()
			if err != nil {
				return err
			}
			v.free <- s.index // There is room for all slots.
		default:
			return wrongKind(m, "RELEASE or PING")
		}
	}
}

// show sends images until the connection ends.
func (v *viewing) show() error {
	stall := time.Duration(v.engine.Config.Live.Stall)
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for {
		timer.Reset(stall)
		select {
		case index := <-v.free:
			p, err := v.viewer.Next(v.ctx)
			if err != nil {
				return fault.From(err)
			}
			if err := v.deliver(&v.slots[index], &p); err != nil {
				return err
			}
		case <-v.viewer.Evicted():
			return fault.From(stream.ErrEvicted)
		case <-timer.C:
			return fault.Errorf(fault.Slow, "ring: the client has released no slot within live.stall")
		case <-v.ctx.Done():
			return nil
		}
	}
}

// deliver copies p, which it takes, into s, and sends it.
func (v *viewing) deliver(s *slot, p *stream.Image) error {
	defer p.Release()
	data, color := p.Buf.Bytes(), len(p.JPEG()) // behind the color there may be alpha
	if len(data) > len(s.area) {
		if err := v.grow(s, len(data)); err != nil {
			return err
		}
	}
	copy(s.area, data)
	m := ring.Image{
		Slot: s.index, Generation: s.generation, Bytes: uint32(color), Alpha: uint32(len(data) - color), Seq: p.Seq,
		CapturedUS: sinceEpoch(p.Captured), SentUS: sinceEpoch(time.Now()), Width: uint32(p.Width), Height: uint32(p.Height),
	}
	if p.Offline {
		m.Flags |= ring.FlagOffline
	}
	if p.Repeat {
		m.Flags |= ring.FlagRepeat
	}
	m.Set(&s.reply)
	v.owning.Lock()
	s.ours = false
	v.owning.Unlock()
	if err := v.send(s.reply[:]); err != nil {
		return err
	}
	v.viewer.Delivered(p)
	return nil
}

// sinceEpoch returns t in microseconds since 1970.
func sinceEpoch(t time.Time) uint64 { return uint64(max(t.UnixMicro(), 0)) }

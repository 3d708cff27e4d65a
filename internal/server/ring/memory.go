//go:build linux

package ring

import (
	"context"
	"math"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/scene"
)

// growthWait is how long images that are larger than expected wait for memory.
const growthWait = 100 * time.Millisecond

// memory is what a connection shares with its client, and what of the budget is admitted for that.
type memory struct {
	server *Server
	layout ring.Layout
	input  *ring.Memory // nil: there is none
	output *ring.Memory
	held   []func() // give back what was admitted, when the memory is unmapped
}

// A slot is what client and server hand each other.
type slot struct {
	index      uint32
	generation uint32
	ours       bool // the server has it
	pixels     []byte
	frames     []frame.Frame  // over pixels
	regions    []scene.Region // of an image of a scene: some of frames
	area       []byte         // of its images
	grown      *ring.Memory   // area, where it is not in memory.output
	release    func()         // gives back what was admitted for grown

	submitted ring.Submit
	reply     ring.Message
	back      func() // returns a frame that was lent to a live stream
}

// inputBytes and outputBytes return the sizes of the memories, bytesOf that of both.
func inputBytes(l ring.Layout) int64  { return int64(l.Slots) * int64(l.InputSlot) }
func outputBytes(l ring.Layout) int64 { return int64(l.Slots) * int64(l.OutputSlot) }
func bytesOf(l ring.Layout) int64     { return inputBytes(l) + outputBytes(l) }

// newLayout returns the layout of slots for batches of frames of frameBytes, 0 for none, and of images of imageBytes, 0 for none.
func newLayout(slots, batch, frameBytes, imageBytes int) (ring.Layout, error) {
	l := ring.Layout{Slots: slots, Batch: batch, FramePitch: ring.Align(frameBytes, ring.FrameAlign), FrameBytes: frameBytes}
	in := int64(batch) * int64(l.FramePitch)
	var out int64
	if imageBytes > 0 {
		out = areaBytes(batch, imageBytes)
	}
	return sized(l, in, out)
}

// sceneLayout is newLayout for images of a scene, of up to that many regions.
func sceneLayout(slots, regions, frameBytes, imageBytes int) (ring.Layout, error) {
	l := ring.Layout{Slots: slots, Batch: regions, FramePitch: ring.Align(frameBytes, ring.FrameAlign), FrameBytes: frameBytes}
	in := int64(regions) * (int64(l.FramePitch) + ring.RectBytes)
	var out int64
	if imageBytes > 0 {
		out = areaBytes(1, imageBytes)
	}
	return sized(l, in, out)
}

// areaBytes returns the bytes of an output area for n images of imageBytes.
func areaBytes(n, imageBytes int) int64 {
	return int64(ring.TableBytes(n)) + int64(n)*int64(ring.Align(imageBytes, ring.FrameAlign))
}

// sized returns l with slots of in and out bytes, or a little more.
func sized(l ring.Layout, in, out int64) (ring.Layout, error) {
	in, out = alignSlot(in), alignSlot(out)
	const most = min(math.MaxInt, math.MaxUint32) / 2
	for _, n := range []int64{in, out, int64(l.Slots) * in, int64(l.Slots) * out} {
		if n > most && (n == out || int64(l.Slots)*n > math.MaxInt/2) {
			return ring.Layout{}, fault.LimitOf("bytes of a slot", n, most, "ring: the slots are too large: use fewer, or smaller batches")
		}
	}
	l.InputSlot, l.OutputSlot = int(in), int(out)
	return l, nil
}

func alignSlot(n int64) int64 { return (n + ring.SlotAlign - 1) &^ (ring.SlotAlign - 1) }

// open waits for the memory of layout l and extra bytes beside it, at most timeouts.queue, and makes the memory. On an error,
// which is a *fault.Error, close gives back what there is.
func (m *memory) open(ctx context.Context, l ring.Layout, extra int64) error {
	if err := m.hold(ctx, bytesOf(l)+extra); err != nil {
		return err
	}
	return m.openAdmitted(l)
}

// hold waits for n bytes, until close gives them back. The error is a *fault.Error.
func (m *memory) hold(ctx context.Context, n int64) error {
	release, err := m.server.live.Hold(ctx, n)
	if err == nil {
		m.held = append(m.held, release)
	}
	return err
}

// openAdmitted is open for memory that was admitted already.
func (m *memory) openAdmitted(l ring.Layout) (err error) {
	m.layout = l
	if in := inputBytes(l); in > 0 {
		if m.input, err = m.make(int(in), false); err != nil {
			return err
		}
	}
	if out := outputBytes(l); out > 0 {
		m.output, err = m.make(int(out), true)
	}
	return err
}

// make makes memory that was admitted.
func (m *memory) make(n int, readOnly bool) (*ring.Memory, error) {
	made, err := ring.NewMemory(n, readOnly)
	if err != nil {
		f := fault.BusyOf("memory of the system", int64(n), 0, err.Error())
		f.Limit = ""
		return nil, f
	}
	m.server.mapped.Add(int64(n))
	m.server.engine.Pool.Elsewhere(int64(n))
	return made, nil
}

// drop unmaps what make has made.
func (m *memory) drop(made *ring.Memory) {
	if made != nil {
		n := int64(len(made.Bytes()))
		made.Close()
		m.server.engine.Pool.Elsewhere(-n)
		m.server.mapped.Add(-n)
	}
}

// close unmaps all and gives it back to the budget. Nothing may read it any more.
func (m *memory) close() {
	m.drop(m.input)
	m.drop(m.output)
	m.input, m.output = nil, nil
	for _, release := range m.held {
		release()
	}
	m.held = nil
}

// descriptors returns those to pass with ACCEPTED.
func (m *memory) descriptors() (fds []int) {
	if m.input != nil {
		fds = append(fds, m.input.FD())
	}
	if m.output != nil {
		fds = append(fds, m.output.FD())
	}
	return fds
}

// makeSlots makes the slots in m; the frames are of d, of which a zero one means none.
func (c *connection) makeSlots(d frame.Desc, ours bool) error {
	l := c.layout
	c.slots = make([]slot, l.Slots)
	for i := range c.slots {
		s := &c.slots[i]
		s.index, s.generation, s.ours = uint32(i), 1, ours
		if c.input != nil {
			s.pixels = c.input.Bytes()[i*l.InputSlot:][:l.InputSlot:l.InputSlot]
		}
		if c.output != nil {
			s.area = c.output.Bytes()[i*l.OutputSlot:][:l.OutputSlot:l.OutputSlot]
		}
		if d == (frame.Desc{}) {
			continue
		}
		s.frames = make([]frame.Frame, l.Batch)
		for j := range s.frames {
			var err error
			if s.frames[j], err = frame.WrapBytes(d, s.pixels[j*l.FramePitch:][:l.FrameBytes:l.FrameBytes]); err != nil {
				return fault.From(err)
			}
		}
	}
	return nil
}

// freeSlots gives back what slots have of their own.
func (c *connection) freeSlots() {
	for i := range c.slots {
		c.shrink(&c.slots[i])
	}
	c.slots = nil
}

// shrink gives back the memory that s has of its own. Its area is gone then.
func (c *connection) shrink(s *slot) {
	if s.grown != nil {
		c.drop(s.grown)
		s.release()
		s.grown, s.release, s.area = nil, nil, nil
	}
}

// grow gives s, which the server has, an area of n bytes or a little more, and tells the client. It waits a moment for memory.
// On an error s is as before.
func (c *connection) grow(s *slot, n int) error {
	size := int64(alignSlot(int64(n) + int64(n)/4))
	if size > math.MaxUint32 || size > math.MaxInt {
		return fault.LimitOf("bytes of a slot", size, math.MaxUint32, "ring: the images are too large")
	}
	ctx, cancel := context.WithTimeout(c.ctx, growthWait)
	defer cancel()
	release, err := c.live.Hold(ctx, size)
	if err != nil {
		return fault.BusyOf("limits.memory_budget", size, int64(c.engine.Config.Limits.MemoryBudget), "ring: no memory for images that are larger than usual")
	}
	made, err := c.make(int(size), true)
	if err != nil {
		release()
		return err
	}
	c.shrink(s)
	s.grown, s.release, s.area = made, release, made.Bytes()
	s.reply.SetOutput(s.index, s.generation, int(size))
	return c.send(s.reply[:], made.FD())
}

// claim returns the slot that a message is about, if it is as the message says: the client's, or the server's, with that
// generation. The error ends the connection.
func (c *connection) claim(index, generation uint32, ours bool) (*slot, error) {
	if int64(index) >= int64(len(c.slots)) {
		return nil, fault.Errorf(fault.Invalid, "ring: got slot %d, want 0..%d", index, len(c.slots)-1)
	}
	s := &c.slots[index]
	switch {
	case s.ours != ours:
		return nil, fault.Errorf(fault.Invalid, "ring: got slot %d, which is the %s's already", index, side(s.ours))
	case s.generation != generation:
		return nil, fault.Errorf(fault.Invalid, "ring: got generation %d of slot %d, want %d", generation, index, s.generation)
	}
	return s, nil
}

func side(ours bool) string {
	if ours {
		return "server"
	}
	return "client"
}

// checkBatch refuses batches of more frames than limits.max_batch.
func (c *connection) checkBatch(n int) error {
	if most := c.engine.Config.Limits.MaxBatch; n > most {
		return fault.LimitOf("limits.max_batch", int64(n), int64(most), "ring: too many frames for a slot")
	}
	return nil
}

package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// sceneSlots is how many images of one Encode are in flight.
const sceneSlots = 16

// sceneBatch is the images of a Batch of a scene: those of Images, or one for each frame.
type sceneBatch struct {
	batch *Batch
	next  int // the index of an image that says none
	frame int // the first of the image at hand
}

// count returns how many images there are.
func (s *sceneBatch) count() int {
	if n := len(s.batch.Images); n > 0 {
		return n
	}
	return len(s.batch.Frames)
}

// regions returns how many regions the image with the most has.
func (s *sceneBatch) regions() (most int) {
	if len(s.batch.Images) == 0 {
		return min(1, len(s.batch.Frames))
	}
	for i := range s.batch.Images {
		most = max(most, s.batch.Images[i].Regions)
	}
	return most
}

// check returns an error unless there are as many frames as the images have regions.
func (s *sceneBatch) check() error {
	if len(s.batch.Images) == 0 {
		return nil
	}
	n := 0
	for i := range s.batch.Images {
		m := &s.batch.Images[i]
		if m.Regions < 0 || m.Regions > ring.MaxRegions {
			return &Error{Code: codes.InvalidArgument, Field: "images", Reason: fmt.Sprintf("image %d: got %d regions, want 0..%d", i, m.Regions, ring.MaxRegions)}
		}
		n += m.Regions
	}
	if n != len(s.batch.Frames) {
		return &Error{Code: codes.InvalidArgument, Field: "images", Reason: fmt.Sprintf("got %d frames, want %d, as many as the images have regions", len(s.batch.Frames), n)}
	}
	return nil
}

// image returns image i, whose index it completes. They are asked for in order.
func (s *sceneBatch) image(i int) (m SceneImage, regions [][]byte) {
	m = SceneImage{Index: NextIndex, Regions: 1}
	if len(s.batch.Images) > 0 {
		m = s.batch.Images[i]
	}
	if m.Index == NextIndex {
		m.Index = s.next
	}
	if m.Index < math.MaxInt {
		s.next = m.Index + 1
	}
	regions = s.batch.Frames[s.frame:][:m.Regions]
	s.frame += m.Regions
	return m, regions
}

// submitImage copies regions into a slot, of that generation, and makes m its SUBMIT. The error is about the image.
func submitImage(c *ring.Conn, m *ring.Message, slot, generation uint32, image *SceneImage, regions [][]byte) *Error {
	wrong := func(field, format string, args ...any) *Error {
		return &Error{Code: codes.InvalidArgument, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if len(image.Rects) > len(regions) {
		return wrong("rects", "got %d for %d regions, want at most one for each", len(image.Rects), len(regions))
	}
	s := ring.Submit{Slot: slot, Generation: generation, Frames: uint32(len(regions))}
	switch {
	case image.Index >= 0:
		s.Flags |= ring.FlagIndex
		s.Index = uint64(image.Index)
	case image.Index != NextIndex:
		return wrong("index", "got %d, want 0 or more", image.Index)
	}
	if len(image.Rects) > 0 {
		s.Flags |= ring.FlagRects
		rects := c.Layout.Rects(c.Input(int(slot)))
		for i := range regions {
			var r pipeline.Rect
			if i < len(image.Rects) {
				r = image.Rects[i]
			}
			for _, n := range [...]int{r.X, r.Y, r.Width, r.Height} {
				if n > math.MaxInt32 || n < math.MinInt32 {
					return wrong("rects", "rects[%d]: got %v, want 32 bits", i, r)
				}
			}
			ring.Rect{X: int32(r.X), Y: int32(r.Y), Width: int32(r.Width), Height: int32(r.Height)}.Put(rects, i)
		}
	}
	for i, region := range regions {
		switch len(region) {
		case 0:
			s.Without |= 1 << i
		case c.Layout.FrameBytes:
			copy(c.Frame(int(slot), i), region)
		default:
			return wrong("frames", "region %d: got %d bytes, want %d", i, len(region), c.Layout.FrameBytes)
		}
	}
	s.Set(m)
	return nil
}

// appendLayers appends the image of a slot, with its alpha, to r. The error wraps ErrLost.
func (c *ringConn) appendLayers(area []byte, r *Response) error {
	e := ring.ParseEntry(area, 0)
	color, err := c.image(area, 0)
	if err != nil {
		if errors.Is(err, ring.ErrLost) {
			return err
		}
		r.Images = append(r.Images, Image{Err: err})
		return nil
	}
	end := uint64(e.Offset) + uint64(e.Bytes)
	if end+uint64(e.Alpha) > uint64(len(area)) {
		return fmt.Errorf("%w: got alpha at %d of %d bytes in an area of %d", ring.ErrLost, end, e.Alpha, len(area))
	}
	first := len(r.memory)
	r.memory = append(append(r.memory, color...), area[end:end+uint64(e.Alpha)]...)
	middle := first + len(color)
	image := Image{Data: r.memory[first:middle:middle]}
	if e.Alpha > 0 {
		image.Alpha = r.memory[middle:len(r.memory):len(r.memory)]
	}
	r.Images = append(r.Images, image)
	return nil
}

// encodeScene encodes a batch of a scene. Its images are in the slots in turn.
func (c *ringConn) encodeScene(ctx context.Context, b *Batch, r *Response) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, c.Hangup)
		defer stop()
	}
	r.ID, r.Images, r.memory, r.Queue, r.Run = b.ID, r.Images[:0], r.memory[:0], 0, 0
	images := sceneBatch{batch: b}
	slots := c.Layout.Slots
	var sent, got int
	var failed []*Error // of images that were not submitted, by number; nil: none was
	take := func() error {
		if got < len(failed) && failed[got] != nil {
			r.Images = append(r.Images, Image{Err: failed[got]})
			got++
			return nil
		}
		slot := got % slots
		got++
		return c.receiveImage(&c.message, slot, r)
	}
	for sent < images.count() {
		if sent-got == slots {
			if err := take(); err != nil {
				return c.causeOf(ctx, err)
			}
		}
		slot := sent % slots
		m, regions := images.image(sent)
		if err := submitImage(c.Conn, &c.message, uint32(slot), c.generations[slot], &m, regions); err != nil {
			failed = append(failed, make([]*Error, sent+1-len(failed))...)
			failed[sent] = err
		} else if err := c.Send(c.message[:]); err != nil {
			return c.causeOf(ctx, err)
		}
		sent++
	}
	for got < sent {
		if err := take(); err != nil {
			return c.causeOf(ctx, err)
		}
	}
	return nil
}

// causeOf returns why ctx has ended, if it has, else err.
func (c *ringConn) causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// receiveImage waits until the server is done with a slot, the next in order, and appends its image to r.
func (c *ringConn) receiveImage(m *ring.Message, slot int, r *Response) error {
	run, err := c.receiveDone(m, slot)
	if err != nil {
		return err
	}
	r.Run += run
	return c.appendLayers(c.Area(slot), r)
}

// sendImage is Publisher.SendImage through the ring.
func (r *ringPublisher) sendImage(p *Publisher, at time.Time, m SceneImage, regions [][]byte) error {
	if most := r.conn.Layout.Batch; len(regions) > most || len(regions) != m.Regions {
		return &Error{Code: codes.InvalidArgument, Field: "frames", Reason: fmt.Sprintf(
			"got %d regions of an image of %d, want as many, and at most %d, as PublishOptions.Regions says", len(regions), m.Regions, most)}
	}
	select {
	case s := <-r.free:
		if err := submitImage(r.conn, &r.message, s.slot, s.generation, &m, regions); err != nil {
			r.free <- s
			return err
		}
		r.message.SetCaptured(uint64(max(at.UnixMicro(), 0)))
	case <-p.ended:
		return r.endedError(p)
	}
	return r.hand(p)
}

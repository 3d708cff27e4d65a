package grpcapi

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// listStreams serves ListStreams. There is nothing in its request, which is waited for all the same, and not for ever.
func (s *service) listStreams(out grpc.ServerStream, in pieceReader) error {
	c := &call{}
	c.init(s, out, in, func() {})
	if _, err := c.only(); err != nil {
		return err
	}
	infos := c.id.Infos(s.live.Hub)
	response := &api.ListStreamsResponse{Streams: make([]*api.StreamInfo, len(infos))}
	for i := range infos {
		response.Streams[i] = streamInfo(&infos[i])
	}
	return c.sendMessage(response)
}

// only returns the only request of a call, one without frames.
func (c *call) only() ([]byte, error) {
	defer c.receiving.Stop()
	var request []byte // no named result: a return sets one, also while the goroutine does
	c.start(func() {
		c.finish(c.protect(func() (err error) {
			request, err = c.small(nil, time.Duration(c.engine.Config.Timeout.Receive))
			return firstError(err)
		}))
	})
	select {
	case err := <-c.done:
		if err != nil {
			return nil, err
		}
		return request, nil
	case <-c.ctx.Done():
		return nil, c.over()
	case <-c.receiving.C:
		return nil, errSlow()
	case <-c.engine.Draining():
		return nil, errDraining()
	}
}

// sendMessage sends a response in memory of the pool, which waits for its turn as that of images does.
func (c *call) sendMessage(response proto.Message) error {
	size := proto.Size(response)
	grant, err := c.engine.Admit(c.ctx, int64(pool.ClassSize(size)), nil)
	if err != nil {
		return err
	}
	buf, err := c.engine.Pool.Get(size)
	if err != nil {
		grant.Release()
		return fault.From(err)
	}
	data, err := proto.MarshalOptions{}.MarshalAppend(buf.Bytes()[:0], response)
	if err != nil || len(data) > size {
		buf.Release()
		grant.Release()
		return fault.Errorf(fault.Internal, "grpcapi: the response has %d bytes, want %d: %v", len(data), size, err)
	}
	d := newDelivery(c.conn, c.engine.NewSending(c.conn.cut), func() {})
	defer d.held.retire()
	d.begin(0)
	d.data(data)
	lent := []pool.Buf{buf} // Of a small response it is held all the same, for as long.
	message := d.seal(lent, grant, int64(buf.Cap()))
	err = c.stream.SendMsg(message)
	d.sent(err, c.ctx.Err() != nil)
	if err != nil {
		return c.sendError(err)
	}
	return nil
}

// streamInfo returns the message that says what i says.
func streamInfo(i *stream.Info) *api.StreamInfo {
	m := &api.StreamInfo{
		Name:         i.Name,
		State:        api.StreamInfo_State(i.State), // They have the same numbers.
		SinceUs:      sinceEpoch(i.Since),
		Source:       i.Source,
		Format:       i.Format,
		Width:        uint32(i.Width),
		Height:       uint32(i.Height),
		FpsIn:        i.FPSIn,
		FpsOut:       i.FPSOut,
		Arrived:      i.Arrived,
		Published:    i.Published,
		Same:         i.Same,
		PictureBytes: uint32(i.ImageBytes),

		SoundRate: uint32(i.Sound.Rate), SoundChannels: uint32(i.Sound.Channels), Listeners: uint32(i.Listeners),

		Node: i.Node, Via: i.Via, Hops: uint32(i.Hops), AgeUs: micros(i.Age),

		Dropped: &api.Dropped{
			Newer:    i.Dropped[stream.Newer],
			Capped:   i.Dropped[stream.Capped],
			Unseen:   i.Dropped[stream.Unseen],
			NoMemory: i.Dropped[stream.NoMemory],
			Failed:   i.Dropped[stream.Failed],
		},
	}
	for _, v := range i.Viewers {
		m.Viewers = append(m.Viewers, &api.ViewerInfo{
			Id:        v.ID,
			Transport: v.Transport,
			Peer:      v.Peer,
			SinceUs:   sinceEpoch(v.Since),
			Fps:       v.FPS,
			Delivered: v.Delivered,
			Dropped:   v.Dropped,
			LagUs:     micros(v.Lag),
			Bytes:     v.Bytes,
		})
	}
	return m
}

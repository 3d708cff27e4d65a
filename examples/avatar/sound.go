package main

import (
	"context"
	"time"

	"github.com/steadyframe/steadyframe/client"
)

// ahead is for how many images sound is sent before it is due, so that it is not late when this program is. The server takes half a
// second (docs/streams.md).
const ahead = 2 * fps / 5

// sound sends the sound of a stream: pcm, over and over, from a time on.
type sound struct {
	publisher *client.SoundPublisher
	begin     time.Time
	pcm       []byte // whole pieces
	next      int    // the piece to send
}

// newSound returns the sound of a stream, which ends with ctx.
func newSound(ctx context.Context, c *client.Client, stream string, begin time.Time, pcm []byte) (*sound, error) {
	p, err := c.PublishSound(ctx, stream, client.SoundFormat{Rate: rate}, begin)
	if err != nil {
		return nil, err
	}
	return &sound{publisher: p, begin: begin, pcm: pcm}, nil
}

// send sends what belongs to image n and to those shortly after it. Each piece is for the time of its image.
func (s *sound) send(n int) error {
	s.next = max(s.next, n) // what is missing is over
	for ; s.next <= n+ahead; s.next++ {
		if err := s.publisher.SendCaptured(timeOf(s.begin, s.next), s.pcm[s.next*piece%len(s.pcm):][:piece]); err != nil {
			return err
		}
	}
	return nil
}

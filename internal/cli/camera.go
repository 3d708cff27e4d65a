package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/pool"
)

// cameraInput is an input that is the JPEGs of an HTTP URL.
type cameraInput struct {
	ctx    context.Context
	cancel context.CancelFunc
	reader *camera.Reader // nil between two connections
	open   func() (*camera.Reader, error)

	retry  bool              // whether to reconnect when the camera is lost
	notice func(text string) // told of that; may be nil
	seen   bool              // whether an image came
	broken error             // the newest image that was not whole

	mu     sync.Mutex
	closed bool
	last   pool.Buf // the newest image, where it may be wanted again
}

// pulse is how often the image of a snapshot that has not changed is sent: a server that gets none for 1.5 s takes the
// stream for lost.
const pulse = 700 * time.Millisecond

// openCamera opens in if it is an HTTP URL of JPEGs; ok is false for any other URL, and for a video. A snapshot is polled
// each in.Every; where that is 0, it is read once, or, when live, each second.
func openCamera(ctx context.Context, in Input, live bool, p *pool.Pool) (c *cameraInput, ok bool, err error) {
	if !camera.IsURL(in.Path) {
		return nil, false, nil
	}
	c = &cameraInput{retry: live}
	c.ctx, c.cancel = context.WithCancel(ctx)
	options := camera.Options{Every: in.Every, Once: in.Every == 0 && !live, Pulse: pulse}
	c.open = func() (*camera.Reader, error) { return camera.Open(c.ctx, in.Path, p, options) }
	c.reader, err = c.open()
	if err != nil {
		c.cancel()
	}
	var video *camera.VideoError
	if errors.As(err, &video) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", in.name(), err)
	}
	return c, true, nil
}

// next returns the next image; the caller releases it. For a live input it repeats an unchanged image and reconnects to a
// lost camera. Corrupt images are skipped.
func (c *cameraInput) next() (pool.Buf, error) {
	for {
		j, err := c.reader.Next()
		var broken *ingest.JPEGError
		switch {
		case err == nil:
			c.keep(j.Buf)
			return j.Buf, nil
		case errors.Is(err, camera.ErrUnchanged):
			if b, ok := c.again(); ok {
				return b, nil
			}
		case errors.As(err, &broken) && !broken.Final:
			c.broken = broken
		case errors.Is(err, pool.ErrBudget) || c.ctx.Err() != nil || !c.retry || !c.seen || c.reader.Ends():
			return pool.Buf{}, err
		default:
			if err := c.reconnect(err); err != nil {
				return pool.Buf{}, err
			}
		}
	}
}

// keep retains b as the newest image, of a live input.
func (c *cameraInput) keep(b pool.Buf) {
	c.seen = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retry && !c.closed {
		c.last.Release()
		c.last = b.Retain()
	}
}

// again returns the newest image once more.
func (c *cameraInput) again() (pool.Buf, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.IsZero() {
		return pool.Buf{}, false
	}
	return c.last.Retain(), true
}

// reconnect tries to open the camera until that succeeds or c.ctx ends. The error is the cause of that end.
func (c *cameraInput) reconnect(lost error) error {
	if lost == io.EOF {
		lost = errors.New("it ended the stream")
	}
	c.tell("lost the camera (%v): trying again", lost)
	c.reader.Close()
	start := time.Now()
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		select {
		case <-time.After(jitter(delay)):
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
		reader, err := c.open()
		if err == nil {
			c.mu.Lock()
			c.reader = reader
			c.mu.Unlock()
			c.tell("the camera is back after %s", time.Since(start).Round(100*time.Millisecond))
			return nil
		}
	}
}

func (c *cameraInput) tell(format string, args ...any) {
	if c.notice != nil {
		c.notice(fmt.Sprintf(format, args...))
	}
}

// warning tells of an image that was broken.
func (c *cameraInput) warning() string {
	if c.broken == nil {
		return ""
	}
	return c.broken.Error()
}

// Close ends the input, also a next that waits.
func (c *cameraInput) Close() error {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.reader.Close()
	c.last.Release()
	c.last = pool.Buf{}
	return nil
}

// source returns the decoded images. It reads the first.
func (c *cameraInput) source(in Input, p *pool.Pool) (*Source, error) {
	decoder := stills.JPEGDecoder{Pool: p}
	r := &upcoming{in: in, next: func() (frame.Frame, error) {
		b, err := c.next()
		if err != nil {
			return frame.Frame{}, err
		}
		defer b.Release()
		return decoder.Decode(c.ctx, b.Bytes())
	}}
	if err := r.open(); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", in.name(), err)
	}
	closeAll := func() error {
		r.close()
		return c.Close()
	}
	return &Source{Reader: r, Live: true, close: closeAll, warning: c.warning}, nil
}

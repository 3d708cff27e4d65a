package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// silence is how long ffmpeg may send no frame: a camera that was switched off does not end its connection.
	silence = 30 * time.Second
	// breath is how long reading pauses when there is no memory for a frame.
	breath = 50 * time.Millisecond
	// changeLogInterval is the least time between two log lines about frames that have another geometry.
	changeLogInterval = time.Second
)

var errSilent = fmt.Errorf("no frame came for %v", silence)

// video feeds the stream with what ffmpeg decodes, until that or ctx ends.
func (s *source) video(ctx context.Context) error {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	r, err := ffmpeg.Open(watched, s.ffmpegOptions(), s.live.engine.Pool)
	if err == nil {
		t := s.soundtrack(watched, r)
		err = s.relay(watched, r, t, watchdog)
		cancel(nil)
		r.Close()
		t.wait()
	}
	var failed *ffmpeg.Error
	switch {
	case err == io.EOF:
		return errors.New("the video has ended")
	case errors.As(err, &failed):
		return errors.New(redact.Text(err.Error(), s.settings.Source))
	}
	return err
}

// ffmpegOptions returns the options for the source. A color space and range of the stream's settings replace those of
// the video.
func (s *source) ffmpegOptions() ffmpeg.Options {
	o := ffmpeg.Options{Live: true, Sound: s.settings.Sound, Range: s.settings.Range, MaxPixels: s.live.engine.Config.Limits.MaxPixels}
	if strings.Contains(s.settings.Source, "://") {
		o.URL = s.settings.Source
	} else {
		o.Path = s.settings.Source
	}
	if s.settings.Color.Set {
		o.Color = &s.settings.Color.Value
	}
	return o
}

// relay hands the frames of r to the stream until there are no more. Where their geometry changes, it begins a new
// Publisher. t is the sound, nil for none.
func (s *source) relay(ctx context.Context, r *ffmpeg.Reader, t *soundtrack, watchdog *time.Timer) error {
	var p *Publisher
	defer func() {
		if p != nil {
			p.Close()
		}
	}()
	var published frame.Desc
	for {
		d, err := r.Await()
		if err != nil {
			return err
		}
		if p == nil || d != published {
			if p != nil {
				p.Close() // releases its memory
			}
			if p, err = s.publish(ctx, d, nil); err != nil {
				return err
			}
			published = d
		}
		f, err := r.Next()
		switch {
		case errors.Is(err, pool.ErrBudget): // The frame waits in the pipe.
			err = p.Lost(stream.NoMemory)
			_ = pause.For(ctx, breath)
		case err != nil:
			return err
		default:
			now := time.Now()
			if pts, ok := r.PTS(); ok && t != nil {
				t.follow(pts, now)
			}
			err = p.Frame(f, now)
		}
		if err != nil {
			return err
		}
		watchdog.Reset(silence)
	}
}

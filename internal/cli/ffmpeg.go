package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/pool"
)

// openFFmpeg decodes in through an ffmpeg child; stdin, when not nil, is what the child reads instead of a file.
func openFFmpeg(ctx context.Context, in Input, stdin io.Reader, p *pool.Pool) (*Source, error) {
	o := ffmpeg.Options{Stdin: stdin, Loop: in.Loop, Frames: in.Frames, Range: in.Range, Color: in.Color, IgnoreSAR: in.IgnoreSAR}
	switch {
	case stdin != nil:
	case isURL(in.Path):
		o.URL = in.Path
	default:
		o.Path, o.Sound = in.Path, in.Sound && !ffmpeg.IsCamera(in.Path)
	}
	r, err := ffmpeg.Open(ctx, o, p)
	var failed *ffmpeg.Error
	switch {
	case errors.Is(err, ffmpeg.ErrNotFound):
		return nil, fmt.Errorf("%s is neither raw frames (give --format and --size) nor Y4M, so ffmpeg must decode it: %w", in.name(), err)
	case err == io.EOF:
		return nil, fmt.Errorf("%s has no frame", in.name())
	case errors.As(err, &failed) && o.URL != "": // ffmpeg quotes URLs.
		return nil, fmt.Errorf("%s: %s", in.name(), redact.Text(err.Error(), o.URL))
	case errors.As(err, &failed) && failed.Unknown:
		return nil, fmt.Errorf("%s: %w; raw frames need --format and --size", in.name(), err)
	case errors.As(err, &failed):
		return nil, fmt.Errorf("%s: %w", in.name(), err)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%s, through ffmpeg: %w", in.name(), err)
	}
	info := r.Info()
	reader := ingest.Reader(r)
	if o.URL != "" {
		reader = redacted{r, o.URL}
	}
	s := &Source{Reader: reader, FPS: info.FPS, Total: info.Frames(), close: r.Close, warning: func() string { return prefixed("ffmpeg: ", redact.Text(r.Warning(), o.URL)) }, pts: r.PTS, sound: r.Sound()}
	if in.Loop || stdin != nil {
		s.Total = 0
	}
	s.Live = ffmpeg.IsCamera(in.Path) || isURL(in.Path) && info.Duration == 0
	return s, nil
}

// redacted is a Reader of a URL whose errors show no secrets of it.
type redacted struct {
	*ffmpeg.Reader
	url string
}

// Next is part of ingest.Reader.
func (r redacted) Next() (frame.Frame, error) {
	f, err := r.Reader.Next()
	var failed *ffmpeg.Error
	if errors.As(err, &failed) {
		err = errors.New(redact.Text(err.Error(), r.url))
	}
	return f, err
}

// prefixed returns text with prefix before it, "" for "".
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// PTS returns the time stamp of the frame that Next returned last, and whether it has one. Only what ffmpeg decodes has.
func (s *Source) PTS() (time.Duration, bool) {
	if s.pts == nil {
		return 0, false
	}
	return s.pts()
}

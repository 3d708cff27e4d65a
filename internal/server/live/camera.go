package live

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

var errCameraEnded = errors.New("the camera ended the stream")

// camera feeds the stream with the JPEGs of a URL, until the camera or ctx ends. If the URL turns out to be a video,
// ffmpeg reads it.
func (s *source) camera(ctx context.Context) error {
	limits := s.live.engine.Config.Limits
	var p *Publisher // It exists before the first JPEG is read.
	r, err := camera.Open(ctx, s.settings.Source, s.live.engine.Pool, camera.Options{
		Every:    time.Duration(s.settings.Every),
		Poll:     s.settings.Every > 0,
		Pulse:    time.Duration(s.live.engine.Config.Live.OfflineAfter) / 3,
		CAFile:   s.settings.CA,
		Insecure: s.settings.Insecure,
		Limits:   ingest.Limits{MaxPixels: limits.MaxPixels, MaxBytes: int(limits.MaxMessageBytes), Admit: func(bytes int) error { return p.Admit(bytes) }},
	})
	var video *camera.VideoError
	if errors.As(err, &video) && s.settings.Every == 0 {
		return s.video(ctx)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	p, err = s.live.prepare(ctx, s.name, Settings{JPEG: true})
	if err != nil {
		return err
	}
	p.lent = true
	if err := p.start(s.out); err != nil {
		p.encoder.close()
		return err
	}
	defer p.Close()
	for {
		if err := s.nextImage(ctx, r, p); err != nil {
			return err
		}
	}
}

// nextImage hands the next image of r to p. The error is final.
func (s *source) nextImage(ctx context.Context, r *camera.Reader, p *Publisher) error {
	j, err := r.Next()
	var broken *ingest.JPEGError
	switch {
	case err == nil:
		if !s.lived {
			s.out.Describe(p.encoder.format())
			s.logOnline(ctx, p.encoder.format())
		}
		return p.JPEG(j.Buf, time.Now())
	case errors.Is(err, camera.ErrUnchanged):
		return p.unchanged()
	case errors.Is(err, pool.ErrBudget):
		_ = pause.For(ctx, breath)
		return p.Lost(stream.NoMemory)
	case errors.As(err, &broken) && !broken.Final:
		s.log.Debug("skipping corrupt JPEG", "err", err)
		return p.Lost(stream.Failed)
	case err == io.EOF:
		return errCameraEnded
	}
	return err
}

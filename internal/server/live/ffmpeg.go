package live

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// silence is how long a child may bring no frame: a camera that was switched off does not end its connection.
	silence = 30 * time.Second
	// breath is how long reading pauses when there is no memory for a frame.
	breath = 50 * time.Millisecond
)

var errNoFFmpeg = errors.New("no ffmpeg on PATH, which is to read it: sudo apt-get install ffmpeg")

// ffmpeg feeds the stream with what an ffmpeg child decodes, until ctx or the child ends.
func (s *source) ffmpeg(ctx context.Context) error {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return errNoFFmpeg
	}
	c, err := startChild(program, ffmpegArgs(s.settings.Source, s.settings.Color))
	if err != nil {
		return err
	}
	defer c.end()
	defer context.AfterFunc(ctx, c.kill)()
	err = s.relay(ctx, c)
	c.kill()
	var ours *fault.Error
	if line := c.lastLine(); line != "" && !errors.As(err, &ours) {
		return errors.New(redact.Text(line, s.settings.Source))
	}
	return err
}

// relay hands the frames that c writes to the stream until there are no more.
func (s *source) relay(ctx context.Context, c *child) error {
	watchdog := time.AfterFunc(silence, func() {
		s.log.Warn("no frame came: ffmpeg is killed", "for", silence.String())
		c.kill()
	})
	defer watchdog.Stop()
	r, err := ingest.NewY4M(c, s.live.engine.Pool, ingest.Limits{MaxPixels: s.live.engine.Config.Limits.MaxPixels})
	if err != nil {
		return fmt.Errorf("ffmpeg ended before its first frame: %w", err)
	}
	p, err := s.publish(ctx, r.Desc(), nil)
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		f, err := r.Next()
		switch {
		case errors.Is(err, pool.ErrBudget): // The frame waits in the pipe.
			err = p.Lost(stream.NoMemory)
			pause(ctx, breath)
		case err != nil:
			return fmt.Errorf("ffmpeg ended: %w", err)
		default:
			err = p.Frame(f, time.Now())
		}
		if err != nil {
			return err
		}
		watchdog.Reset(silence)
	}
}

// ffmpegArgs makes ffmpeg write every frame of the first video stream of source once, as it comes: settb and setpts
// give the frames the times of a constant rate, or a pipe format that has one would make ffmpeg drop and repeat frames.
// A file is played at its own rate, again and again, a still picture once a second. The colours are those of BT.601, as Y4M has no word for another
// matrix, unless it is known that frames are of that color.
func ffmpegArgs(source string, color frame.ColorSpace) []string {
	args := []string{"-nostdin", "-loglevel", "error"}
	filter := "settb=1/25,setpts=N"
	switch {
	case strings.HasPrefix(source, "rtsp://"), strings.HasPrefix(source, "rtsps://"):
		args = append(args, "-rtsp_transport", "tcp")
	case isStill(source):
		// Not -loop: that is for image2 alone, which reads on without a pause where a file is not what its name says.
		filter = "loop=-1:1,settb=1,setpts=N,realtime," + filter
		source = "file:" + source
	case !strings.Contains(source, "://"):
		args = append(args, "-re", "-stream_loop", "-1")
		source = "file:" + source // else a name such as a:b.mp4 is taken for a protocol
	}
	if color == frame.BT601 {
		filter += ",scale=out_color_matrix=bt601"
	}
	return append(args, "-i", source, "-map", "0:v:0", "-vf", filter, "-r", "25", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-")
}

// isStill reports whether source is a file of one picture; with a % in its name it is a series of files, as ffmpeg has it.
func isStill(source string) bool {
	switch strings.ToLower(path.Ext(source)) {
	case ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff":
		return !strings.Contains(source, "://") && !strings.Contains(source, "%")
	}
	return false
}

// pause waits for that time, or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Package ffmpeg decodes videos and images through an ffmpeg child. It is the one place that starts ffmpeg, so that
// a file has the same frames and the same colors by every way in.
//
// ffmpeg writes each decoded frame once, as rawvideo, in a size of its own. The filter showinfo describes each frame on
// the standard error before that: size, pixel format, time stamp, and the stream's colors. So sizes and colors may
// change at any frame, and nothing has to be known of the input before.
package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
)

// defaultMaxPixels is Options.MaxPixels when it is 0.
const defaultMaxPixels = 50_000_000

// Info is ffmpeg's description of an input. Unknown fields are zero.
type Info struct {
	Container string        // "mov,mp4,m4a,3gp,3g2,mj2"
	Codec     string        // "h264"
	Duration  time.Duration // to the hundredth of a second
	FPS       float64       // frames a second, on average, to the hundredth
}

// Frames returns about how many frames the input has, 0 when unknown.
func (i Info) Frames() int { return int(i.Duration.Seconds()*i.FPS + 0.5) }

// Reader reads the frames of an input. It is an ingest.Reader, but the geometry may change from frame to frame. It is
// for one goroutine, but for Close.
type Reader struct {
	options Options
	pool    *pool.Pool
	child   *child
	log     *log
	out     io.Reader // what the child writes
	track   *track    // the sound; nil without
	feed    *feed     // nil without Options.Stdin
	file    *os.File  // what the feed reads, where the Reader opened it

	mu        sync.Mutex // held by Next
	pending   bool       // info describes a frame that was not read yet
	info      frameInfo
	described frameInfo // what layout is for, without its time
	layout    layout
	planes    pool.Buf // of layout.size bytes, for frames that are converted
	frames    int      // frames read
	pts       time.Duration
	err       error // the final error
	ctx       context.Context
	stop      func() bool
}

// Open starts ffmpeg and waits for the description of the first frame. Frames are in memory from p, which it borrows.
// The child ends with ctx. The error is an *Error, an *ingest.LimitError, ErrNotFound, or the cause of ctx's end.
func Open(ctx context.Context, o Options, p *pool.Pool) (*Reader, error) {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, ErrNotFound
	}
	if o.MaxPixels == 0 {
		o.MaxPixels = defaultMaxPixels
	}
	r := &Reader{options: o, pool: p, ctx: ctx}
	if isPattern(o.Path) {
		if r.file, err = os.Open(o.Path); err != nil {
			return nil, err
		}
	}
	if err := r.open(program); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// open starts a child and reads up to the first frame. HDR takes a second child, since only a frame tells that a stream
// is HDR; and sound another, since ffmpeg fails where it is told to write sound and there is none.
func (r *Reader) open(program string) error {
	if err := r.start(program); err != nil {
		return err
	}
	if err := r.describe(); err != nil {
		return err
	}
	if hdr := isHDR(r.info); hdr != "" {
		r.options.hdr, r.options.in = hdr, r.info
		if err := r.again(program); err != nil {
			return err
		}
	}
	if audio := r.log.said().audio; r.options.Sound && canTrack && r.feed == nil && audio != "" && audio != noCodec {
		r.options.track = true
		err := r.again(program)
		if err != nil && r.ctx.Err() == nil { // Frames without their sound are better than none.
			r.options.track = false
			err = r.again(program)
		}
		if err != nil {
			return err
		}
	}
	if r.feed != nil {
		r.feed.commit()
	}
	return nil
}

// again starts another child in place of the one that runs, and reads up to the first frame.
func (r *Reader) again(program string) error {
	r.end()
	r.pending = false
	if err := r.start(program); err != nil {
		return err
	}
	return r.describe()
}

// start starts a child.
func (r *Reader) start(program string) error {
	var src io.Reader
	if src = r.options.Stdin; r.file != nil {
		src = r.file
	}
	c, err := startChild(program, r.options.args(), src != nil, r.options.track)
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	r.child, r.log, r.out = c, newLog(c.reader(c.stderr)), c.reader(c.stdout)
	r.stop = context.AfterFunc(r.ctx, c.kill)
	if r.track = nil; c.extra != nil {
		r.track = newTrack(c.reader(c.extra))
	}
	switch {
	case src == nil:
	case r.feed == nil:
		r.feed = newFeed(src, c.stdin)
	case !r.feed.restart(c.stdin):
		return &Error{Cause: fmt.Sprintf("it is HDR (%s), and began more than %d MiB before its first frame: name the file instead of sending it through a pipe",
			r.options.hdr, maxHead>>20)}
	}
	return nil
}

// end ends the child.
func (r *Reader) end() {
	r.stop()
	r.child.kill()
	<-r.log.done
	r.child.end()
	if r.track != nil {
		<-r.track.done
	}
}

// Close ends the child and waits for that. It also ends a Next that waits. A second Close does nothing.
func (r *Reader) Close() error {
	if r.child == nil {
		return nil // It did not start.
	}
	r.child.kill() // ends a Next that waits
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	if r.err == nil {
		r.err = os.ErrClosed
	}
	r.planes.Release()
	r.planes = pool.Buf{}
	if r.feed != nil {
		r.feed.commit()
	}
	if r.file != nil {
		r.file.Close()
	}
	return nil
}

// describe waits for the description of the next frame, unless there is one.
func (r *Reader) describe() error {
	if r.pending {
		return nil
	}
	info, ok := r.log.next()
	if !ok {
		return r.ended(0)
	}
	r.info, r.pending = info, true
	now := info
	now.pts = 0
	if now == r.described && r.layout.size > 0 {
		return nil
	}
	if hdr := isHDR(info); hdr != "" && r.frames > 0 {
		return &Error{Cause: fmt.Sprintf("frame %d is the first of HDR (%s), those before it are not: want one kind", r.frames+1, hdr)}
	}
	if pixels := int64(info.width) * int64(info.height); pixels > int64(r.options.MaxPixels) {
		return &ingest.LimitError{Limit: "pixels", Got: pixels, Max: int64(r.options.MaxPixels)}
	}
	l, err := layoutOf(info, &r.options)
	if err != nil {
		return err
	}
	r.layout, r.described = l, now
	r.planes.Release()
	r.planes = pool.Buf{}
	return nil
}

// Desc returns the geometry of the next frame, or the last one, as far as it is known.
func (r *Reader) Desc() frame.Desc { return r.layout.desc }

// Await waits for the description of the next frame, and returns its geometry. It takes no memory from the pool, so that
// memory can be admitted first. The error is Next's.
func (r *Reader) Await() (frame.Desc, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.describe()
	}
	return r.layout.desc, r.err
}

// Info returns what ffmpeg says of the input.
func (r *Reader) Info() Info {
	return r.log.said().info
}

// PTS returns the time stamp of the last frame that Next returned, and whether it has one.
func (r *Reader) PTS() (time.Duration, bool) { return r.pts, r.frames > 0 && r.pts != noTime }

// Sound returns the sound of the input, as a WAV file of 16-bit samples of one or two channels whose first sample has the time
// stamp 0: gaps are silence. It is nil without Options.Sound, for standard input, and where there is no sound. It may be read by
// another goroutine than the frames, and is read ahead of them at most by what 8 MB hold.
func (r *Reader) Sound() io.Reader {
	if r.track == nil {
		return nil
	}
	return r.track
}

// Next returns the next frame, which the caller releases. At the end it returns io.EOF. Other errors are an *Error, an
// *ingest.LimitError, the cause of the context's end, and the pool's: after pool.ErrBudget, Next may be called again.
func (r *Reader) Next() (frame.Frame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.describe()
	}
	if r.err != nil {
		return frame.Frame{}, r.err
	}
	f, err := frame.New(r.pool, r.layout.desc)
	if err != nil {
		return frame.Frame{}, err
	}
	if err := r.read(&f); err != nil {
		f.Release()
		if !errors.Is(err, pool.ErrBudget) {
			r.err = err
		}
		return frame.Frame{}, err
	}
	r.pending = false
	r.pts = r.info.pts
	r.frames++
	return f, nil
}

// read reads the samples of f.
func (r *Reader) read(f *frame.Frame) error {
	if r.layout.rgb == nil {
		before := 0
		for _, p := range f.Planes() { // They follow each other in one buffer, without gaps.
			if err := r.readFull(p.Pix, before); err != nil {
				return err
			}
			before += len(p.Pix)
		}
		return nil
	}
	if r.planes.IsZero() {
		b, err := r.pool.Get(r.layout.size)
		if err != nil {
			return err
		}
		r.planes = b
	}
	if err := r.readFull(r.planes.Bytes(), 0); err != nil {
		return err
	}
	r.layout.convert(f.Plane(0).Pix, r.planes.Bytes())
	return nil
}

// readFull reads len(p) bytes of a frame, behind so many before.
func (r *Reader) readFull(p []byte, before int) error {
	n, err := io.ReadFull(r.out, p)
	if err != nil {
		return r.ended(before + n)
	}
	return nil
}

// ended returns why there are no more frames, n bytes into one: io.EOF at the end of the input.
func (r *Reader) ended(n int) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	<-r.log.done
	<-r.child.ended
	said, exit := r.log.said(), r.child.exit
	switch {
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case exit != nil, r.frames == 0 && len(said.failures) > 0:
		return &Error{Cause: explain(said, &r.options), Exit: exit, Unknown: r.frames == 0 && isUnknown(said.failures)}
	case n > 0:
		return &Error{Cause: fmt.Sprintf("ffmpeg ended %d bytes into frame %d", n, r.frames+1)}
	}
	return io.EOF
}

// Warning returns ffmpeg's last complaint although it read the input to its end, or "". Call it after Next has returned
// io.EOF; before, it returns "".
func (r *Reader) Warning() string {
	if r.err != io.EOF {
		return ""
	}
	return lastCause(r.log.said().failures, &r.options)
}

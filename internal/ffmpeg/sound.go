package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// SoundReader reads the sound of an input as a WAV file of float32 samples. It is for one goroutine, but for Close.
type SoundReader struct {
	options Options
	ctx     context.Context
	child   *child
	log     *log
	out     io.Reader
	feed    *feed
	file    *os.File
	stop    func() bool
	read    bool // whether there was anything to read
	err     error
}

// soundRates are those that package mel takes. ffmpeg keeps a rate that is among them, and resamples others to the nearest.
const soundRates = "8000|11025|12000|16000|22050|24000|32000|44100|48000"

// OpenSound starts ffmpeg, which decodes the first audio stream of the input that o names in Path, URL or Stdin. The
// child ends with ctx. The error is ErrNotFound, or that of starting it; an invalid input is an *Error of Read.
func OpenSound(ctx context.Context, o Options) (*SoundReader, error) {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, ErrNotFound
	}
	r := &SoundReader{options: o, ctx: ctx}
	src := o.Stdin
	if isPattern(o.Path) {
		if r.file, err = os.Open(o.Path); err != nil {
			return nil, err
		}
		src = r.file
	}
	input, prefix := o.input()
	args := append([]string{"-hide_banner", "-nostats", "-loglevel", "repeat+level+info"}, prefix...)
	args = append(args, "-i", input, "-map", "0:a:0", "-af", "aformat=sample_rates="+soundRates, "-c:a", "pcm_f32le", "-f", "wav", "pipe:1")
	c, err := startChild(program, args, src != nil, false)
	if err != nil {
		if r.file != nil {
			r.file.Close()
		}
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	r.child, r.log, r.out = c, newLog(c.reader(c.stderr)), c.reader(c.stdout)
	r.stop = context.AfterFunc(ctx, c.kill)
	if src != nil {
		r.feed = newFeed(src, c.stdin)
		r.feed.commit()
	}
	return r, nil
}

// Read is part of io.Reader. Its error is io.EOF, an *Error, or the cause of the context's end.
func (r *SoundReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.out.Read(p)
	r.read = r.read || n > 0
	if n > 0 || err == nil {
		return n, nil
	}
	r.err = r.ended()
	return 0, r.err
}

// ended returns why there is no more.
func (r *SoundReader) ended() error {
	if r.ctx.Err() == nil {
		<-r.log.done
		<-r.child.ended
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	said, exit := r.log.said(), r.child.exit
	if exit == nil && (r.read || len(said.failures) == 0) {
		return io.EOF
	}
	cause := explain(said, &r.options)
	if slices.ContainsFunc(said.failures, func(f string) bool { return strings.Contains(f, "matches no streams") }) {
		cause = "it has no sound"
	}
	return &Error{Cause: cause, Exit: exit, Unknown: isUnknown(said.failures)}
}

// Warning returns ffmpeg's last complaint although it read the input to its end, or "". Call it after Read has returned
// io.EOF; before, it returns "".
func (r *SoundReader) Warning() string {
	if !errors.Is(r.err, io.EOF) {
		return ""
	}
	return lastCause(r.log.said().failures, &r.options)
}

// Close ends the child and waits for that. It is called once, when no Read is going on.
func (r *SoundReader) Close() error {
	r.stop()
	r.child.kill()
	<-r.log.done
	r.child.end()
	if r.file != nil {
		r.file.Close()
	}
	return nil
}

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/pool"
)

// Input says what to read frames from.
type Input struct {
	Path   string            // a file, a folder or pattern of image files, "-" for Stdin, or a URL
	Stdin  io.Reader         // what "-" reads
	Raw    frame.Desc        // geometry of raw frames; without a Format the input is Y4M or something for ffmpeg
	Range  frame.ValueRange  // stands in for what Y4M or ffmpeg say; RangeDefault keeps theirs
	Color  *frame.ColorSpace // the same; nil keeps theirs
	Frames int               // frames wanted; 0 means all
	Loop   bool              // whether ffmpeg starts over at the end of what it decodes

	IgnoreSAR bool          // pixels that are not square stay as they are
	Strict    bool          // a file of a folder that is no image ends the input instead of being skipped
	Every     time.Duration // from one request of a snapshot's URL to the next
	Sound     bool          // the sound of a file is wanted, too
}

// Source is an open input. The caller closes it, also to end a Next that waits.
type Source struct {
	ingest.Reader
	Total int     // frames to come, as far as the input says; 0 when unknown
	FPS   float64 // frames a second, as far as the input says; 0 when unknown
	Live  bool    // frames come when they come, and once: from a pipe, a camera, a stream

	close   func() error
	warning func() string
	pts     func() (time.Duration, bool)
	sound   io.Reader // of a video file, as ffmpeg.Reader.Sound has it; nil without
	skipped func() error
}

// Skipped returns a *SkippedError if files of the input were skipped. Call it after Next returned io.EOF.
func (s *Source) Skipped() error {
	if s.skipped == nil {
		return nil
	}
	return s.skipped()
}

// Close ends the input: it closes the file, or ends the ffmpeg child and waits for it. Standard input stays open.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Warning returns what the decoder complained of last although it read the input to its end, or "". Call it after Next returned io.EOF.
func (s *Source) Warning() string {
	if s.warning == nil {
		return ""
	}
	return s.warning()
}

// sniffBytes is how much of an input's beginning decides what it is. y4mSniffBytes holds the header of most Y4M.
const (
	sniffBytes    = 16
	y4mSniffBytes = 128
)

// Open opens in; frames are read into buffers from p. The child that decodes ends with ctx. The error is for the user as it is; one about
// raw geometry wraps a *frame.DescError. When ctx ends, its cause is the error, and a Read that waits is left behind.
func Open(ctx context.Context, in Input, p *pool.Pool) (*Source, error) {
	return orInterrupted(ctx, func() (*Source, error) { return open(ctx, in, p) })
}

// orInterrupted returns what open returns, or the cause of ctx's end when that comes first. What is opened later is
// closed.
func orInterrupted[T io.Closer](ctx context.Context, open func() (T, error)) (T, error) {
	type result struct {
		opened T
		err    error
	}
	results := make(chan result, 1)
	go func() {
		opened, err := open()
		results <- result{opened, err}
	}()
	select {
	case r := <-results:
		if r.err == nil || ctx.Err() == nil {
			return r.opened, r.err
		}
	case <-ctx.Done():
		go func() {
			if r := <-results; r.err == nil {
				r.opened.Close()
			}
		}()
	}
	var none T
	return none, context.Cause(ctx)
}

// open is Open, which waits for the input whatever becomes of ctx.
func open(ctx context.Context, in Input, p *pool.Pool) (*Source, error) {
	if isURL(in.Path) {
		if c, ok, err := openCamera(ctx, in, false, p); err != nil {
			return nil, err
		} else if ok {
			return c.source(in, p)
		}
		return openFFmpeg(ctx, in, nil, p)
	}
	if in.Path == "-" {
		if f, ok := in.Stdin.(*os.File); ok && isTerminal(f) {
			return nil, usagef("standard input is a terminal: pipe frames into it, or name a file")
		}
		if in.Raw.Format != 0 {
			return live(openRaw(in, in.Stdin, -1, p))
		}
		return live(openStream(ctx, in, in.Stdin, p))
	}
	if f, ok, err := openFolderInput(ctx, in, p); err != nil {
		return nil, err
	} else if ok {
		return f.source(in, p)
	}
	f, err := openFile(in.Path)
	if err != nil {
		return nil, err
	}
	s, err := openOpened(ctx, in, f, p)
	if err != nil {
		f.Close()
		return nil, err
	}
	closeReader := s.close
	s.close = func() error {
		if closeReader != nil {
			closeReader()
		}
		return f.Close()
	}
	return s, nil
}

func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("input %s: no such file; name a file, or - for standard input", path)
	case err != nil:
		return nil, fmt.Errorf("input %s: %w", path, reason(err))
	}
	return f, nil
}

// openOpened opens the file at in.Path, which is f.
func openOpened(ctx context.Context, in Input, f *os.File, p *pool.Pool) (*Source, error) {
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	if size == 0 {
		return nil, fmt.Errorf("input %s is empty; want at least one frame", in.Path)
	}
	switch {
	case size < 0 && in.Raw.Format != 0:
		return live(openRaw(in, f, size, p))
	case in.Raw.Format != 0:
		return openRaw(in, f, size, p)
	case ffmpeg.IsCamera(in.Path):
		return live(openFFmpeg(ctx, in, nil, p))
	case size < 0: // a named pipe or another device
		return live(openStream(ctx, in, f, p))
	}
	head := make([]byte, y4mSniffBytes)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("input %s: %w", in.Path, reason(err))
	}
	if (ingest.IsY4M(head[:n]) || hasSuffixFold(in.Path, ".y4m")) && !in.isForFFmpeg(head[:n]) {
		return openY4M(in, f, p)
	}
	return openFFmpeg(ctx, in, nil, p)
}

// live marks s as one that comes at a pace of its own.
func live(s *Source, err error) (*Source, error) {
	if err == nil {
		s.Live = true
	}
	return s, err
}

// openStream opens what cannot be read twice. Frames are read past the buffer that this takes: a larger read goes straight to the stream.
func openStream(ctx context.Context, in Input, stream io.Reader, p *pool.Pool) (*Source, error) {
	r := bufio.NewReader(stream)
	head, err := r.Peek(sniffBytes)
	if len(head) == 0 {
		if err == nil || err == io.EOF {
			return nil, fmt.Errorf("%s is empty; want at least one frame", in.name())
		}
		return nil, fmt.Errorf("%s: %w", in.name(), reason(err))
	}
	if ingest.IsY4M(head) {
		if head, _ = r.Peek(y4mSniffBytes); !in.isForFFmpeg(head) { // Fewer where there are no more.
			return openY4M(in, r, p)
		}
	}
	return openFFmpeg(ctx, in, r, p)
}

// isForFFmpeg reports whether Y4M that begins with head is left to ffmpeg: its pixels are not square, or its samples are
// none that package ingest reads.
func (in Input) isForFFmpeg(head []byte) bool {
	line, _, _ := strings.Cut(string(head), "\n")
	if !ingest.IsY4M(head) {
		return false
	}
	for _, word := range strings.Fields(line)[1:] {
		switch value := word[1:]; {
		case word[0] == 'A' && !in.IgnoreSAR:
			x, y, ok := strings.Cut(value, ":")
			if ok && x != y && x != "0" && y != "0" {
				return true
			}
		case word[0] == 'C' && (strings.HasPrefix(value, "42") || strings.HasPrefix(value, "44") || strings.HasPrefix(value, "41") || value == "mono10" || value == "mono12" || value == "mono16"):
			switch value {
			case "420", "420jpeg", "420mpeg2", "420paldv":
			default:
				return true
			}
		}
	}
	return false
}

// openRaw opens raw frames; size is the file's, or -1 for a stream.
func openRaw(in Input, r io.Reader, size int64, p *pool.Pool) (*Source, error) {
	if in.Range != frame.RangeDefault {
		in.Raw.Range = in.Range
	}
	if in.Color != nil {
		in.Raw.Color = *in.Color
	}
	frameBytes, err := in.Raw.Size()
	if err != nil {
		return nil, err
	}
	s := &Source{}
	if frameBytes > pool.MaxSize {
		return nil, fmt.Errorf("%s: a frame of %s has %d bytes, want at most %d", in.name(), in.Raw, frameBytes, pool.MaxSize)
	}
	if size >= 0 {
		whole, rest := size/int64(frameBytes), size%int64(frameBytes)
		enough := in.Frames > 0 && whole >= int64(in.Frames)
		if rest != 0 && !enough {
			return nil, &RawSizeError{Path: in.Path, Size: size, Frame: frameBytes, Desc: in.Raw}
		}
		s.Total = int(whole)
	}
	reader, err := ingest.NewRaw(r, in.Raw, p)
	if err != nil {
		return nil, err
	}
	s.Reader = reader
	return s, nil
}

func openY4M(in Input, r io.Reader, p *pool.Pool) (*Source, error) {
	reader, err := ingest.NewY4M(r, p, ingest.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.name(), err)
	}
	s := &Source{Reader: in.described(reader)}
	if num, den := reader.FPS(); den > 0 {
		s.FPS = float64(num) / float64(den)
	}
	return s, nil
}

// described is r with the range and color space that the user gave instead of those of the input.
func (in Input) described(r ingest.Reader) ingest.Reader {
	d := r.Desc()
	if in.Range != frame.RangeDefault {
		d.Range = in.Range
	}
	if in.Color != nil {
		d.Color = *in.Color
	}
	if d == r.Desc() {
		return r
	}
	return &describedReader{r, d}
}

type describedReader struct {
	ingest.Reader
	desc frame.Desc
}

func (r *describedReader) Desc() frame.Desc { return r.desc }

func (r *describedReader) Next() (frame.Frame, error) {
	f, err := r.Reader.Next()
	if err == nil {
		f.Desc = r.desc
	}
	return f, err
}

func (in Input) name() string {
	if in.Path == "-" {
		return "standard input"
	}
	return "input " + redact.URL(in.Path)
}

// isURL reports whether ffmpeg is to open path itself: rtsp://camera/1, http://host/clip.mp4.
func isURL(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && scheme != "" && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+") == ""
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
)

// usualFPS is the rate of what is read at a pace and says none, as ffmpeg takes it too.
const usualFPS = 25

// PushSource is an open input of a Push: frames as Source has them, or JPEGs, which are sent as they are. The caller
// closes it, also to end a next that waits.
type PushSource struct {
	FPS   float64 // the rate at which frames are to be read; 0 for a live input, whose frames come when they come
	Total int     // frames to come, as far as the input says; 0 when unknown, or without an end

	video   *Source                  // or:
	jpeg    func() (pool.Buf, error) // returns the next JPEG
	stream  io.Closer                // what jpeg reads; nil for standard input and files of a folder
	folder  *folderInput             // or nil
	camera  *cameraInput             // or nil
	again   func() error             // opens the input once more; nil where it is to be read once
	read    int                      // frames, since it was opened
	warning string                   // about JPEGs
	reading sync.WaitGroup           // of the reader that Run has left behind
	ended   chan struct{}            // closed when the reader of Run has ended; nil before Run

	mu     sync.Mutex // held while the input is opened again, and closed: by a reader that is left behind, and by the caller
	closed bool
}

// OpenPush opens in; frames are read into buffers from p. With loop the input starts over at its end. Standard input,
// files and HTTP URLs may also be JPEGs, one after the other or as a multipart stream; the images of a folder are sent as
// JPEGs. What decodes ends with ctx. The error is for the user as it is.
func OpenPush(ctx context.Context, in Input, loop bool, p *pool.Pool) (*PushSource, error) {
	notTwice := usagef("%s cannot be started over: --loop is for files", in.name())
	live := in.Path == "-"
	if loop && live {
		return nil, notTwice
	}
	in.Loop = loop
	s, err := orInterrupted(ctx, func() (*PushSource, error) {
		s := &PushSource{}
		return s, s.open(ctx, in, p)
	})
	if err != nil {
		return nil, err
	}
	switch {
	case s.video != nil:
		s.FPS, s.Total, live = s.video.FPS, s.video.Total, s.video.Live
	case s.folder != nil:
		s.Total = len(s.folder.files.Names)
	case s.camera != nil:
		live = true
	}
	if loop && live {
		s.Close()
		return nil, notTwice
	}
	if s.FPS = cmp.Or(s.FPS, usualFPS); live {
		s.FPS = 0
	}
	if loop && s.folder != nil {
		s.Total = 0
	} else if loop {
		s.Total, s.again = 0, func() error { return s.open(ctx, in, p) }
	}
	return s, nil
}

// open opens in, in place of what was open.
func (s *PushSource) open(ctx context.Context, in Input, p *pool.Pool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	s.closeOpened()
	s.video, s.jpeg, s.stream, s.read = nil, nil, nil, 0
	if in.Raw.Format == 0 {
		if opened, err := s.openJPEGs(ctx, &in, p); opened || err != nil {
			return err
		}
	}
	video, err := open(ctx, in, p)
	if err == nil {
		s.video = video
	}
	return err
}

// openJPEGs opens in if it is JPEGs. When it is not, in is still to be opened.
func (s *PushSource) openJPEGs(ctx context.Context, in *Input, p *pool.Pool) (opened bool, err error) {
	if in.Path == "-" {
		if f, ok := in.Stdin.(*os.File); ok && isTerminal(f) {
			return false, nil // Open says so.
		}
		r := bufio.NewReader(in.Stdin)
		in.Stdin = r
		return s.recognize(r, p), nil
	}
	if isURL(in.Path) {
		c, ok, err := openCamera(ctx, *in, true, p)
		if ok {
			s.camera, s.jpeg, s.stream = c, c.next, c
		}
		return ok, err
	}
	folder, ok, err := openFolderInput(ctx, *in, p)
	if ok {
		s.folder, s.jpeg = folder, folder.NextJPEG
	}
	if ok || err != nil {
		return ok, err
	}
	if info, err := os.Stat(in.Path); err != nil || !info.Mode().IsRegular() {
		return false, nil // Open says what is wrong with it, or knows what it is.
	}
	f, err := os.Open(in.Path)
	if err != nil {
		return false, fmt.Errorf("%s: %w", in.name(), reason(err))
	}
	opened = s.recognize(bufio.NewReader(f), p)
	if !opened {
		f.Close()
		return false, nil
	}
	s.stream = f
	if isStill(in.Path) {
		s.jpeg = first(s.jpeg)
	}
	return true, nil
}

// first returns a function that returns what next does, once, and io.EOF then.
func first(next func() (pool.Buf, error)) func() (pool.Buf, error) {
	read := false
	return func() (b pool.Buf, err error) {
		if read {
			return b, io.EOF
		}
		b, err = next()
		read = err == nil
		return b, err
	}
}

// recognize reports whether r is JPEGs, and reads those.
func (s *PushSource) recognize(r *bufio.Reader, p *pool.Pool) bool {
	head, _ := r.Peek(sniffBytes) // Fewer when there are no more, which is not JPEGs.
	var jpegs *ingest.JPEGReader
	switch {
	case ingest.IsJPEG(head):
		jpegs = ingest.NewJPEG(r, p, ingest.Limits{})
	case ingest.IsMultipart(head):
		jpegs = ingest.NewMultipart(r, "", p, ingest.Limits{})
	default:
		return false
	}
	s.jpeg = func() (pool.Buf, error) {
		j, err := jpegs.Next()
		return j.Buf, err
	}
	return true
}

// next returns the next frame, or io.EOF after the last.
func (s *PushSource) next() (pushFrame, error) {
	for {
		f, err := s.nextOpened()
		var broken *ingest.JPEGError
		switch {
		case err == nil:
			s.read++
			return f, nil
		case errors.As(err, &broken) && !broken.Final:
			s.warning = broken.Error()
		case err != io.EOF || s.again == nil || s.read == 0: // An input without a frame has none the next time.
			return f, err
		default:
			if err := s.again(); err != nil {
				return f, err
			}
		}
	}
}

func (s *PushSource) nextOpened() (f pushFrame, err error) {
	if s.video != nil {
		f.frame, err = s.video.Next()
		return f, err
	}
	f.jpeg, err = s.jpeg()
	return f, err
}

// pts returns the time stamp of the last frame, and whether it has one.
func (s *PushSource) pts() (time.Duration, bool) {
	if s.video == nil {
		return 0, false
	}
	return s.video.PTS()
}

// contentType returns what the frames are, one after the other.
func (s *PushSource) contentType() string {
	if s.video == nil {
		return "video/x-motion-jpeg"
	}
	return "application/octet-stream"
}

// leftBehind reports whether Run has left its reader behind, which may still use the input.
func (s *PushSource) leftBehind() bool {
	if s.ended == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Warning returns what was wrong with the input although it was read to its end, or "". Call it after Run has returned.
func (s *PushSource) Warning() string {
	switch {
	case s.leftBehind():
		return ""
	case s.video != nil:
		return s.video.Warning()
	case s.folder != nil:
		return s.folder.warning()
	case s.camera != nil:
		return s.camera.warning()
	}
	return s.warning
}

// Skipped returns a *SkippedError if files of the input were skipped. Call it after Run has returned.
func (s *PushSource) Skipped() error {
	if s.folder == nil || s.leftBehind() {
		return nil
	}
	return s.folder.err()
}

// Close ends the input. Standard input stays open.
func (s *PushSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.closeOpened()
}

func (s *PushSource) closeOpened() error {
	switch {
	case s.video != nil:
		return s.video.Close()
	case s.stream != nil:
		return s.stream.Close()
	}
	return nil
}

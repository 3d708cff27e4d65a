package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

	video   *Source            // or:
	jpegs   *ingest.JPEGReader // in stream
	stream  io.Closer
	again   func() error // opens the input once more; nil where it is to be read once
	read    int          // frames, since it was opened
	warning string       // about pictures
}

// OpenPush opens in; frames are read into buffers from p. With loop the input starts over at its end. Standard input and
// files may also be JPEGs, one after the other or as a multipart stream, and a folder of JPEGs is read in the order of
// their names. The child that decodes ends with ctx. The error is for the user as it is.
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
	if s.video != nil {
		s.FPS, s.Total, live = s.video.FPS, s.video.Total, s.video.Live
	} else if folder, ok := s.stream.(*pictures); ok {
		s.Total = len(folder.names)
	}
	if loop && live {
		s.Close()
		return nil, notTwice
	}
	if s.FPS = cmp.Or(s.FPS, usualFPS); live {
		s.FPS = 0
	}
	if loop {
		s.Total, s.again = 0, func() error { return s.open(ctx, in, p) }
	}
	return s, nil
}

// open opens in, in place of what was open.
func (s *PushSource) open(ctx context.Context, in Input, p *pool.Pool) error {
	s.Close()
	s.video, s.jpegs, s.stream, s.read = nil, nil, nil, 0
	if in.Raw.Format == 0 {
		if opened, err := s.openJPEGs(&in, p); opened || err != nil {
			return err
		}
	}
	var err error
	s.video, err = open(ctx, in, p)
	return err
}

// openJPEGs opens in if it is JPEGs. When it is not, in is still to be opened.
func (s *PushSource) openJPEGs(in *Input, p *pool.Pool) (opened bool, err error) {
	if in.Path == "-" {
		if f, ok := in.Stdin.(*os.File); ok && isTerminal(f) {
			return false, nil // Open says so.
		}
		r := bufio.NewReader(in.Stdin)
		in.Stdin = r
		return s.recognize(r, p), nil
	}
	if isURL(in.Path) {
		return false, nil
	}
	info, err := os.Stat(in.Path)
	switch {
	case err != nil || !info.IsDir() && !info.Mode().IsRegular():
		return false, nil // Open says what is wrong with it, or knows what it is.
	case info.IsDir():
		files, err := openPictures(in.Path)
		if err != nil {
			return false, err
		}
		s.stream, s.jpegs = files, ingest.NewJPEG(files, p, ingest.Limits{})
		return true, nil
	}
	f, err := os.Open(in.Path)
	if err != nil {
		return false, fmt.Errorf("input %s: %w", in.Path, reason(err))
	}
	if opened = s.recognize(bufio.NewReader(f), p); !opened {
		f.Close()
		return false, nil
	}
	s.stream = f
	return true, nil
}

// recognize reports whether r is JPEGs, and reads those.
func (s *PushSource) recognize(r *bufio.Reader, p *pool.Pool) bool {
	head, _ := r.Peek(sniffBytes) // Fewer when there are no more, which is not JPEGs.
	switch {
	case ingest.IsJPEG(head):
		s.jpegs = ingest.NewJPEG(r, p, ingest.Limits{})
	case ingest.IsMultipart(head):
		s.jpegs = ingest.NewMultipart(r, "", p, ingest.Limits{})
	}
	return s.jpegs != nil
}

// next returns the next frame, io.EOF when there is none.
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
	j, err := s.jpegs.Next()
	f.jpeg = j.Buf
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

// Warning returns what was wrong with the input although it was read to its end, or "". Call it after Run has returned.
func (s *PushSource) Warning() string {
	if s.video != nil {
		return s.video.Warning()
	}
	return s.warning
}

// Close ends the input. Standard input stays open.
func (s *PushSource) Close() error {
	switch {
	case s.video != nil:
		return s.video.Close()
	case s.stream != nil:
		return s.stream.Close()
	}
	return nil
}

package ingest

import (
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/frame"
)

// Y4MWriter writes frames as a Y4M stream.
type Y4MWriter struct {
	w    io.Writer
	desc frame.Desc
}

// NewY4MWriter writes the header of a stream of frames of geometry d to w, num frames in den seconds (0 and 0 when that
// is not known), and returns a writer of its frames. It borrows w, and writes row by row: hand it a bufio.Writer. d
// must be a valid I420 or Gray8 geometry, else *frame.DescError or *FormatError. Y4M cannot state the color space, so
// it is lost.
func NewY4MWriter(w io.Writer, d frame.Desc, num, den int) (*Y4MWriter, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if d.Format != frame.I420 && d.Format != frame.Gray8 {
		return nil, y4mErrorf("C", "got %s, want %s or %s", d.Format, frame.I420, frame.Gray8)
	}
	header := y4mHeader{desc: d, num: num, den: den}
	if _, err := io.WriteString(w, header.String()+"\n"); err != nil {
		return nil, fmt.Errorf("ingest: write Y4M header: %w", err)
	}
	return &Y4MWriter{w: w, desc: d}, nil
}

// WriteFrame writes f, which must have the writer's geometry. It borrows f.
func (y *Y4MWriter) WriteFrame(f *frame.Frame) error {
	if f.Desc != y.desc {
		return y4mErrorf("frame", "got %s, want %s", f.Desc, y.desc)
	}
	_, err := io.WriteString(y.w, "FRAME\n")
	for i := 0; i < len(f.Planes()) && err == nil; i++ {
		for row := 0; row < f.Plane(i).Height && err == nil; row++ {
			_, err = y.w.Write(f.Row(i, row))
		}
	}
	if err != nil {
		return fmt.Errorf("ingest: write Y4M frame: %w", err)
	}
	return nil
}

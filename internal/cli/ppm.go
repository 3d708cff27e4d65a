package cli

import (
	"bufio"
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
)

// ppmReader is an ingest.Reader of the PPM pictures that ffmpeg writes one after the other: "P6\n768 432\n255\n" and packed RGB, see
// http://netpbm.sourceforge.net/doc/ppm.html. It is the pipe format that carries RGB together with its size.
type ppmReader struct {
	r      *bufio.Reader
	pool   *pool.Pool
	desc   frame.Desc
	peeked bool // the header of the next picture was read
	frames int  // pictures read
}

// maxPixels bounds a picture's width times height, as ingest.Limits does: what a header only declares must not take all memory.
const maxPixels = 50_000_000

// newPPM returns a reader of r after it has read the first header.
func newPPM(r io.Reader, p *pool.Pool) (*ppmReader, error) {
	pr := &ppmReader{r: bufio.NewReader(r), pool: p, peeked: true}
	w, h, err := pr.header()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	pr.desc = frame.Desc{Format: frame.RGB24, Width: w, Height: h}
	if err := pr.desc.Validate(); err != nil {
		return nil, err
	}
	if w*h > maxPixels {
		return nil, &ingest.LimitError{Limit: "pixels", Got: int64(w) * int64(h), Max: maxPixels}
	}
	return pr, nil
}

// Desc returns the geometry of every picture.
func (p *ppmReader) Desc() frame.Desc { return p.desc }

// Next returns the next picture, which the caller releases, as ingest.Reader says.
func (p *ppmReader) Next() (frame.Frame, error) {
	if !p.peeked {
		w, h, err := p.header()
		if err != nil {
			return frame.Frame{}, err
		}
		if w != p.desc.Width || h != p.desc.Height {
			return frame.Frame{}, fmt.Errorf("picture %d is %dx%d, those before it %dx%d: want one size", p.frames+1, w, h, p.desc.Width, p.desc.Height)
		}
	}
	p.peeked = false
	f, err := frame.New(p.pool, p.desc)
	if err != nil {
		return frame.Frame{}, err
	}
	pix := f.Plane(0).Pix
	switch n, err := io.ReadFull(p.r, pix); err {
	case nil:
		p.frames++
		return f, nil
	case io.EOF, io.ErrUnexpectedEOF:
		f.Release()
		return frame.Frame{}, &ingest.TruncatedError{Frame: p.frames, Got: n, Want: len(pix)}
	default:
		f.Release()
		return frame.Frame{}, err
	}
}

// header reads the header of a picture. io.EOF: there is none.
func (p *ppmReader) header() (width, height int, err error) {
	magic, err := p.r.Peek(3)
	if len(magic) == 0 {
		return 0, 0, err
	}
	if string(magic) != "P6\n" {
		return 0, 0, fmt.Errorf("ppm: magic: got %q, want %q", magic, "P6\n")
	}
	p.r.Discard(len(magic))
	var field [3]int // width, height, largest value
	for i, end := range [3]byte{' ', '\n', '\n'} {
		if field[i], err = p.number(end); err != nil {
			return 0, 0, err
		}
	}
	if field[2] != 255 {
		return 0, 0, fmt.Errorf("ppm: largest value: got %d, want 255", field[2])
	}
	return field[0], field[1], nil
}

// number reads decimal digits and the byte that ends them.
func (p *ppmReader) number(end byte) (int, error) {
	n, digits := 0, 0
	for {
		c, err := p.r.ReadByte()
		switch {
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case c == end && digits > 0:
			return n, nil
		case c < '0' || c > '9' || digits == len("65535"):
			return 0, fmt.Errorf("ppm: header: got byte %q, want a number that ends in %q", c, end)
		}
		n = n*10 + int(c-'0')
		digits++
	}
}

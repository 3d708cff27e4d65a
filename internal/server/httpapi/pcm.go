package httpapi

import (
	"errors"
	"io"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/sound"
)

// pcmBody is a request's body of samples: WAV, or without a header.
type pcmBody struct {
	body *body
	in   io.Reader      // where samples come from; nil: body
	pcm  sound.Format   // set by open for WAV
	raw  [16 << 10]byte // samples as they come
	rest int            // bytes of raw that are no whole moment yet
	left int64          // bytes of samples that are to come; -1: all that do
}

// open reads the header of the body. described says that there is none, since the query says what pcm is.
func (x *pcmBody) open(described bool, contentLength int64) error {
	head, isWAV, err := x.body.sniffFor("RIFF") // Samples begin with the first of them, however few there are yet.
	if err != nil {
		return err
	}
	if len(head) == 0 {
		return fault.Errorf(fault.Invalid, "the body is empty, want sound")
	}
	if described {
		if isWAV {
			return fieldError("format", "got it for a WAV body, which says it itself: want none")
		}
		if moment := int64(x.pcm.MomentBytes()); contentLength > 0 && contentLength%moment != 0 {
			return fault.Errorf(fault.Invalid, "the body is not a whole number of samples: got %d bytes, want a multiple of %d", contentLength, moment)
		}
		x.left = contentLength
		return nil
	}
	if x.pcm, x.left, err = sound.ReadHeader(x.body); err != nil {
		var wrong *sound.FormatError
		if errors.As(err, &wrong) {
			return &fault.Error{Kind: fault.Unsupported, Reason: err.Error() + "; for samples without a header, say format and rate, such as format=s16le&rate=16000"}
		}
		return fault.From(err)
	}
	if x.left >= 0 {
		x.left -= x.left % int64(x.pcm.MomentBytes())
	}
	return nil
}

// read reads samples to raw, at most so many moments, and returns the whole ones among them. It ends with io.EOF.
func (x *pcmBody) read(most int) ([]byte, error) {
	moment := x.pcm.MomentBytes()
	for {
		size := min(len(x.raw)/moment, most)*moment - x.rest
		if x.left >= 0 {
			size = int(min(int64(size), x.left))
		}
		if size == 0 {
			return nil, io.EOF
		}
		in := x.in
		if in == nil {
			in = x.body
		}
		n, err := in.Read(x.raw[x.rest : x.rest+size])
		if x.left >= 0 {
			x.left -= int64(n)
		}
		n += x.rest
		x.rest = n % moment
		switch whole := n - x.rest; {
		case whole > 0:
			return x.raw[:whole], nil // An error comes again.
		case err != io.EOF && err != nil:
			return nil, err
		case err == io.EOF && x.left > 0:
			return nil, fault.Errorf(fault.Invalid, "the body is cut short: %d bytes of samples are missing of those that it declares", x.left)
		case err == io.EOF && x.rest > 0:
			return nil, fault.Errorf(fault.Invalid, "the body ends inside a sample: got %d of the last %d bytes", x.rest, moment)
		case err == io.EOF:
			return nil, io.EOF
		}
	}
}

// keep moves what is left of raw behind its whole moments to its beginning.
func (x *pcmBody) keep(whole []byte) { copy(x.raw[:x.rest], x.raw[len(whole):][:x.rest]) }

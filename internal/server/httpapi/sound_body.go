package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// typeSound is the Content-Type of a body of sound with a line before each piece:
//
//	SOUND samples=320 captured_us=1764480000000000
//
// samples is how many there are in each channel. They follow the line. captured_us is when the first was captured, in microseconds
// since the Unix epoch; where it is left out, that is a sample after the one before.
const typeSound = "application/x-steadyframe-sound"

const (
	// maxSoundLine is the longest line of a piece, in bytes, and maxSoundSamples how many samples one has at most: an hour of them.
	maxSoundLine    = 256
	maxSoundSamples = 48000 * 3600
)

// soundBody is the body of a request that publishes sound.
type soundBody struct {
	pcmBody
	lines    *bufio.Reader // of a body with lines, else nil
	count    int           // lines so far
	captured time.Time     // of the sample that comes next, where somebody said it, else zero
}

// open reads the beginning of the body.
func (x *soundBody) open(r *http.Request, q *soundQuery) error {
	described := slices.Contains(q.given, "format")
	x.body.nextFrame()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != typeSound {
		return x.pcmBody.open(described, r.ContentLength)
	}
	switch {
	case !described:
		return fieldError("format", "got none with Content-Type "+typeSound+", want the encoding of the samples, such as s16le")
	case slices.Contains(q.given, "captured_us"):
		return fieldError("captured_us", "got it with Content-Type "+typeSound+", whose lines say it")
	}
	x.lines = bufio.NewReaderSize(x.body, maxSoundLine)
	x.in = x.lines
	if err := x.nextPiece(); err != io.EOF {
		return err
	}
	return fault.Errorf(fault.Invalid, "the body is empty, want sound")
}

// nextPiece reads the line before a piece. It returns io.EOF where there is none, of a body without lines too.
func (x *soundBody) nextPiece() error {
	if x.lines == nil {
		return io.EOF
	}
	x.body.nextFrame()
	line, err := x.lines.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return io.EOF
	case err == io.EOF:
		return fault.Errorf(fault.Invalid, "the body ends inside the line of a piece, after %d pieces", x.count)
	case errors.Is(err, bufio.ErrBufferFull):
		return fault.Errorf(fault.Invalid, "the line of piece %d is too long: got more than %d bytes that begin %.20q", x.count, maxSoundLine, line)
	case err != nil:
		return err
	}
	samples, captured, err := parseSoundLine(line, time.Now())
	if err != nil {
		return fault.Errorf(fault.Invalid, "the line of piece %d: %v", x.count, err)
	}
	x.count++
	x.left = int64(samples) * int64(x.pcm.MomentBytes())
	x.captured = captured
	return nil
}

// parseSoundLine returns what the line before a piece says; captured is zero where it says nothing of it.
func parseSoundLine(line []byte, now time.Time) (samples int, captured time.Time, err error) {
	words := bytes.Fields(line)
	if len(words) == 0 || string(words[0]) != "SOUND" {
		return 0, captured, fmt.Errorf("got %.40q, want SOUND samples=N captured_us=T", bytes.TrimSpace(line))
	}
	for _, word := range words[1:] {
		name, value, _ := bytes.Cut(word, []byte("="))
		switch string(name) {
		case "samples":
			if samples, err = strconv.Atoi(string(value)); err != nil || samples < 1 || samples > maxSoundSamples {
				return 0, captured, fmt.Errorf("samples: got %.40q, want 1..%d", value, maxSoundSamples)
			}
		case "captured_us":
			if captured, err = parseCaptured(string(value), now); err != nil {
				return 0, captured, fmt.Errorf("captured_us: %w", err)
			}
		default:
			return 0, captured, fmt.Errorf("got %.40q, want samples=N or captured_us=T", word)
		}
	}
	if samples == 0 {
		return 0, captured, errors.New("samples: got none, want how many samples each channel has")
	}
	return samples, captured, nil
}

// publish publishes all samples, as 16 bits, after a call of pace for each piece, and returns how many moments they were.
func (x *soundBody) publish(publish func([]byte, time.Time) error, pace func()) (moments int64, err error) {
	var samples []byte
	for {
		x.body.nextFrame()
		whole, err := x.read(math.MaxInt)
		if err == io.EOF {
			if err = x.nextPiece(); err == nil {
				continue
			}
		}
		if err == io.EOF {
			return moments, nil
		}
		if err != nil {
			return moments, err
		}
		n := int64(len(whole) / x.pcm.MomentBytes())
		moments += n
		samples = x.pcm.AppendS16(samples[:0], whole)
		x.keep(whole)
		pace()
		if err := publish(samples, x.captured); err != nil {
			return moments, err
		}
		x.over(n)
	}
}

// over notes that so many moments were published: those of a piece that follow have times of their own as it has.
func (x *soundBody) over(moments int64) {
	switch {
	case x.captured.IsZero():
	case x.lines == nil: // It was that of the first sample alone.
		x.captured = time.Time{}
	default:
		x.captured = x.captured.Add(time.Duration(moments) * time.Second / time.Duration(x.pcm.Rate))
	}
}

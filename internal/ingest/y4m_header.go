package ingest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// y4mMagic begins a Y4M stream. The format is that of mjpegtools' manual page yuv4mpeg(5), with ffmpeg's XCOLORRANGE.
const y4mMagic = "YUV4MPEG2"

// y4mHeader is the parsed header of a Y4M stream.
type y4mHeader struct {
	desc     frame.Desc
	num, den int // frame rate: num frames in den seconds; 0 and 0 when unknown
}

// parseY4MHeader parses the header's line. Interlacing (I), pixel aspect (A) and unknown parameters are ignored. It
// returns a *FormatError for a line that is malformed, or that declares an unsupported format.
func parseY4MHeader(line string) (y4mHeader, error) {
	magic, params, _ := strings.Cut(line, " ")
	if magic != y4mMagic {
		return y4mHeader{}, y4mErrorf("header", "got %.32q, want a line that begins %s", line, y4mMagic)
	}
	var h y4mHeader
	chroma, colorRange := "", ""
	for word := range strings.FieldsSeq(params) {
		var err error
		switch key, value := word[:1], word[1:]; key {
		case "W":
			h.desc.Width, err = parseSide(key, value)
		case "H":
			h.desc.Height, err = parseSide(key, value)
		case "F":
			h.num, h.den, err = parseRate(value)
		case "C":
			chroma = value
		case "X":
			if v, ok := strings.CutPrefix(value, "COLORRANGE="); ok {
				colorRange = v
			} else if v, ok := strings.CutPrefix(value, "YSCSS="); ok && chroma == "" {
				chroma = strings.ToLower(v) // as mjpegtools wrote it before C existed
			}
		}
		if err != nil {
			return y4mHeader{}, err
		}
	}
	return h, h.finish(chroma, colorRange)
}

// finish sets fields that depend on more than one parameter, and checks that none is missing.
func (h *y4mHeader) finish(chroma, colorRange string) error {
	if h.desc.Width == 0 {
		return y4mErrorf("W", "got none, want the width")
	}
	if h.desc.Height == 0 {
		return y4mErrorf("H", "got none, want the height")
	}
	switch chroma {
	case "", "420", "420jpeg", "420mpeg2", "420paldv":
		// These differ in where chroma is sited. All are read as JPEG has it, in the middle of its four pixels.
		h.desc.Format = frame.I420
	case "mono":
		h.desc.Format = frame.Gray8
	default:
		return y4mErrorf("C", "got %.32q, want 420, 420jpeg, 420mpeg2, 420paldv or mono: "+
			"convert it with ffmpeg -pix_fmt yuv420p", chroma)
	}
	switch colorRange {
	case "":
	case "FULL":
		h.desc.Range = frame.RangeFull
	case "LIMITED":
		h.desc.Range = frame.RangeLimited
	default:
		return y4mErrorf("XCOLORRANGE", "got %.32q, want FULL or LIMITED", colorRange)
	}
	if h.desc.Format.IsYUV() {
		h.desc.Color = UsualColor(h.desc.Width, h.desc.Height)
	}
	return nil
}

// UsualColor returns the matrix of video that names none, as players take it by its size (mpv's mp_csp_guess_colorspace):
// BT.709 for high definition, from 720 lines or 1280 columns on, else BT.601.
func UsualColor(width, height int) frame.ColorSpace {
	if height >= 720 || width >= 1280 {
		return frame.BT709
	}
	return frame.BT601
}

// parseSide parses the value of W or H.
func parseSide(key, value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n == 0 {
		return 0, y4mErrorf(key, "got %.32q, want 1..%d", value, frame.MaxSide)
	}
	return int(n), nil
}

// parseRate parses the value of F, such as 30000:1001; 0:0 means unknown.
func parseRate(value string) (num, den int, err error) {
	n, d, ok := strings.Cut(value, ":")
	num64, errNum := strconv.ParseUint(n, 10, 31)
	den64, errDen := strconv.ParseUint(d, 10, 31)
	if !ok || errNum != nil || errDen != nil || (num64 == 0) != (den64 == 0) {
		return 0, 0, y4mErrorf("F", "got %.32q, want a ratio such as 30000:1001, or 0:0", value)
	}
	return int(num64), int(den64), nil
}

// String returns the header's line without its end: progressive, square pixels, and no range if it is the default.
func (h y4mHeader) String() string {
	chroma, colorRange := "420jpeg", ""
	if h.desc.Format == frame.Gray8 {
		chroma = "mono"
	}
	switch h.desc.Range {
	case frame.RangeFull:
		colorRange = " XCOLORRANGE=FULL"
	case frame.RangeLimited:
		colorRange = " XCOLORRANGE=LIMITED"
	}
	return fmt.Sprintf("%s W%d H%d F%d:%d Ip A1:1 C%s%s",
		y4mMagic, h.desc.Width, h.desc.Height, h.num, h.den, chroma, colorRange)
}

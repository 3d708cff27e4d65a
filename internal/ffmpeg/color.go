package ffmpeg

import (
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
)

// ffmpeg's names of what showinfo prints (libavutil/pixdesc.c). Those of unknown values are not listed.
var (
	pixelFormatNames = []string{
		"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray", "rgb24",
	}
	ranges      = []string{"tv", "pc"}
	matrixNames = []string{
		"gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "smpte2085",
		"chroma-derived-nc", "chroma-derived-c", "ictcp",
	}
	primaryNames = []string{
		"bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte428", "smpte431", "smpte432", "ebu3213",
	}
	transferNames = []string{
		"bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "linear", "log100", "log316", "iec61966-2-4", "bt1361e",
		"iec61966-2-1", "bt2020-10", "bt2020-12", "smpte2084", "smpte428", "arib-std-b67",
	}
)

// matrix is how luma and chroma are made of R, G and B: luma is kr*R + (1-kr-kb)*G + kb*B.
type matrix struct{ kr, kb float64 }

// The matrices, by ffmpeg's names, with the coefficients of ITU-T H.273, table 4. bt2020c differs from bt2020nc in
// linear light, which is ignored, as swscale does.
var matrices = map[string]matrix{
	"bt709":     {0.2126, 0.0722},
	"fcc":       {0.30, 0.11},
	"bt470bg":   {0.299, 0.114},
	"smpte170m": {0.299, 0.114},
	"smpte240m": {0.212, 0.087},
	"bt2020nc":  {0.2627, 0.0593},
	"bt2020c":   {0.2627, 0.0593},
	"":          {},
}

// matrixOf returns the name of a frame's matrix: the one that the user gave, else the stream's, else the one that
// players assume. ffmpeg reports gbr for RGB that it converted itself because the stream began as luma and chroma:
// swscale uses BT.601 for that.
func matrixOf(f frameInfo, given *frame.ColorSpace) (string, error) {
	switch {
	case given != nil && *given == frame.BT709:
		return "bt709", nil
	case given != nil:
		return "bt470bg", nil
	case f.matrix == "" && ingest.UsualColor(f.width, f.height) == frame.BT709:
		return "bt709", nil
	case f.matrix == "", f.matrix == "gbr":
		return "bt470bg", nil
	}
	if _, ok := matrices[f.matrix]; !ok {
		return "", &Error{Cause: fmt.Sprintf("its color matrix %s is not supported: convert it to bt709 first, or name another matrix with --color", f.matrix)}
	}
	return f.matrix, nil
}

// isHDR returns the name of a frame's high dynamic range, or "".
func isHDR(f frameInfo) string {
	switch f.transfer {
	case "smpte2084":
		return "PQ"
	case "arib-std-b67":
		return "HLG"
	}
	return ""
}

// layout describes the samples that ffmpeg writes for a frame, and the frame that is made of them.
type layout struct {
	desc   frame.Desc // of the frame
	size   int        // bytes that ffmpeg writes
	chroma [2]int     // log2 of luma samples for a chroma sample, across and down
	rgb    *toRGB     // converts to RGB24; nil when ffmpeg writes the frame as it is
}

// layoutOf returns the layout of a frame. Luma and chroma that the pipeline supports (4:2:0 of BT.601 or BT.709) stay
// as they are; others become RGB here.
func layoutOf(f frameInfo, o *Options) (layout, error) {
	l := layout{desc: frame.Desc{Width: f.width, Height: f.height}}
	if f.width > frame.MaxSide || f.height > frame.MaxSide || f.width < 1 || f.height < 1 {
		return layout{}, &Error{Cause: fmt.Sprintf("a frame of %dx%d pixels is too large: want at most %d along a side", f.width, f.height, frame.MaxSide)}
	}
	name, isJ := strings.CutPrefix(f.pixFmt, "yuvj") // ffmpeg's old way to say that the range is full
	if isJ {
		name = "yuv" + name
	}
	full := f.colorRange == "pc" || isJ && f.colorRange == ""
	switch name {
	case "rgb24":
		l.desc.Format = frame.RGB24
		return l.sized()
	case "gray":
		l.desc.Format = frame.Gray8
		if f.colorRange == "tv" {
			l.desc.Range = frame.RangeLimited
		}
		return l.sized()
	case "yuv420p":
		l.chroma = [2]int{1, 1}
	case "yuv422p":
		l.chroma = [2]int{1, 0}
	case "yuv444p":
	default:
		return layout{}, &Error{Cause: fmt.Sprintf("ffmpeg wrote the pixel format %.32q, want one of %s", f.pixFmt, pixelFormats)}
	}
	m, err := matrixOf(f, o.Color)
	if err != nil {
		return layout{}, err
	}
	k := matrices[m]
	is601, is709 := k == matrices["bt470bg"], k == matrices["bt709"]
	if name == "yuv420p" && (is601 || is709) {
		l.desc.Format = frame.I420
		if is709 {
			l.desc.Color = frame.BT709
		}
		switch {
		case full:
			l.desc.Range = frame.RangeFull
		case f.colorRange != "":
			l.desc.Range = frame.RangeLimited
		}
		return l.sized()
	}
	l.desc.Format = frame.RGB24
	l.rgb = newToRGB(k, full)
	return l.sized()
}

// sized sets the bytes that ffmpeg writes: planes one after the other, rows without gaps.
func (l layout) sized() (layout, error) {
	size, err := l.desc.Size()
	if err != nil {
		return layout{}, err
	}
	if l.size = size; l.rgb != nil {
		w, h := l.chromaSize()
		l.size = l.desc.Width*l.desc.Height + 2*w*h
	}
	return l, nil
}

// chromaSize returns the samples of a plane of chroma.
func (l *layout) chromaSize() (width, height int) {
	return shiftUp(l.desc.Width, l.chroma[0]), shiftUp(l.desc.Height, l.chroma[1])
}

// shiftUp returns n / 2^bits, rounded up.
func shiftUp(n, bits int) int { return (n + 1<<bits - 1) >> bits }

// toRGB converts luma and chroma of 8 bits to R, G, B. Sums of table entries have 16 fractional bits and are within
// [-2^26, 2^26].
type toRGB struct {
	y, rv, gu, gv, bu [256]int32
}

// newToRGB returns the tables for a matrix (ITU-T H.273, equations 38 to 43, solved for R, G and B) and a range.
func newToRGB(m matrix, full bool) *toRGB {
	const one = 1 << 16
	luma, chroma, black := 255.0/219, 255.0/224, 16
	if full {
		luma, chroma, black = 1, 1, 0
	}
	kg := 1 - m.kr - m.kb
	t := &toRGB{}
	for i := range 256 {
		y, c := float64(i-black)*luma, float64(i-128)*chroma
		t.y[i] = int32(y*one) + one/2 // rounds the sum
		t.rv[i] = int32(2 * (1 - m.kr) * c * one)
		t.bu[i] = int32(2 * (1 - m.kb) * c * one)
		t.gu[i] = int32(-2 * (1 - m.kb) * m.kb / kg * c * one)
		t.gv[i] = int32(-2 * (1 - m.kr) * m.kr / kg * c * one)
	}
	return t
}

// convert converts the planes of src, which l describes, to packed R, G, B in dst. Each chroma sample counts for all
// pixels that it covers.
func (l *layout) convert(dst, src []byte) {
	width, height := l.desc.Width, l.desc.Height
	cw, ch := l.chromaSize()
	luma, cb, cr := src[:width*height], src[width*height:][:cw*ch], src[width*height+cw*ch:][:cw*ch]
	for y := range height {
		row := (y >> l.chroma[1]) * cw
		l.rgb.row(dst[3*y*width:][:3*width], luma[y*width:][:width], cb[row:][:cw], cr[row:][:cw], l.chroma[0])
	}
}

// row converts a row; each 2^shift pixels have one chroma sample.
func (t *toRGB) row(dst, luma, cb, cr []byte, shift int) {
	for x, y := range luma {
		u, v := cb[x>>shift], cr[x>>shift]
		sum := t.y[y]
		r, g, b := (sum+t.rv[v])>>16, (sum+t.gu[u]+t.gv[v])>>16, (sum+t.bu[u])>>16
		if uint32(r|g|b) > 255 {
			r, g, b = clamp(r), clamp(g), clamp(b)
		}
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0], p[1], p[2] = byte(r), byte(g), byte(b)
	}
}

func clamp(v int32) int32 { return min(max(v, 0), 255) }

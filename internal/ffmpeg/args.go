package ffmpeg

import (
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// Options say what to read, and how. One of Path, URL and Stdin is set.
type Options struct {
	Path  string    // a file, or a camera of Linux (/dev/video0); its name is never read as a pattern, a protocol or an option
	URL   string    // what ffmpeg opens itself: rtsp://camera/1
	Stdin io.Reader // a stream that can be read once; Open borrows it, and a Read of it may be left behind

	Live   bool // a file is read at its own rate, and a still image is repeated once a second
	Loop   bool // a file starts over at its end
	Frames int  // stop after that many; 0: at the end

	Range     frame.ValueRange  // full or limited, in place of the stream's; RangeDefault keeps that
	Color     *frame.ColorSpace // the matrix, in place of the stream's; nil keeps that
	IgnoreSAR bool              // pixels that are not square stay as they are

	MaxPixels int // width times height of a frame; 0 means 50 million

	Sound bool // the sound of a file or URL is read beside its frames, where it has some: see Reader.Sound

	hdr   string // "PQ" or "HLG": frames are tone-mapped
	in    frameInfo
	track bool // the sound is wanted, and there is some
}

// Stream returns the name of an input that is not a file, "" for a file.
func (o *Options) Stream() string {
	if o.Stdin != nil {
		return "standard input"
	}
	return o.URL
}

// pixelFormats are the formats in which ffmpeg writes frames. It takes the one that loses least, so that it never
// converts between RGB and YUV; only depths above 8 bits and rare kinds of subsampling are converted. A stream that
// changes between RGB and YUV keeps the format with which it began.
const pixelFormats = "yuv420p|yuvj420p|yuv422p|yuvj422p|yuv444p|yuvj444p|gray|rgb24"

// scaling is the filter that makes pixels square, by enlarging, and converts to pixelFormats. It passes on frames for
// which there is nothing to do.
const (
	squareSides = `w=if(between(sar\,1\,10)\,round(iw*sar)\,iw):h=if(between(sar\,0.1\,1)\,round(ih/sar)\,ih):`
	scaling     = "scale=%sflags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
)

// toneMapping converts HDR to SDR: linear light in which 1 is the white of graphics (203 cd/m2, ITU-R BT.2408),
// BT.709's primaries, highlights compressed, BT.709's transfer and matrix. Without agamma=false, HLG's gamma of 1.2
// would be applied to each channel alone, which makes colors too strong. The verb is for the filter of unsaid.
const toneMapping = "%szscale=t=linear:npl=203:agamma=false,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=mobius:param=0.7:desat=0," +
	"zscale=t=bt709:m=bt709:r=limited,"

// args returns ffmpeg's arguments. Each decoded frame is written once, in a size of its own, as rawvideo, after the
// filter showinfo has described it on the standard error.
func (o *Options) args() []string {
	args := []string{"-hide_banner", "-nostats", "-loglevel", "repeat+level+info"}
	input, prefix := o.input()
	args = append(args, prefix...)
	args = append(args, "-i", input, "-map", "0:V:0", "-vf", o.filters(), "-autoscale", "0", "-fps_mode", "passthrough")
	if o.Frames > 0 {
		args = append(args, "-frames:v", strconv.Itoa(o.Frames))
	}
	args = append(args, "-c:v", "rawvideo", "-f", "rawvideo", "-flush_packets", "1", "pipe:1")
	if o.track {
		args = append(args, trackArgs...)
	}
	return args
}

// input returns the name of ffmpeg's input, and the options before it.
func (o *Options) input() (name string, options []string) {
	switch {
	case o.Stdin != nil || isPattern(o.Path):
		return "pipe:0", nil
	case o.URL != "":
		name, options = o.URL, []string{"-nostdin"}
		if strings.HasPrefix(name, "rtsp://") || strings.HasPrefix(name, "rtsps://") {
			options = append(options, "-rtsp_transport", "tcp")
		}
		return name, options
	case IsCamera(o.Path):
		return o.Path, []string{"-nostdin", "-f", "v4l2"}
	}
	options = []string{"-nostdin"}
	switch {
	case o.Live && isStill(o.Path):
	case o.Live:
		options = append(options, "-re", "-stream_loop", "-1")
	case o.Loop:
		options = append(options, "-stream_loop", "-1")
	}
	return "file:" + o.Path, options // else a name such as a:b.mp4 is read as a protocol, and -x.mp4 as an option
}

// filters returns the chain of filters.
func (o *Options) filters() string {
	var b strings.Builder
	if o.Live && isStill(o.Path) {
		// Not the option -loop: that is for image2 alone, which reads on without a pause where a file's name is wrong.
		b.WriteString("loop=-1:1,settb=1,setpts=N,realtime,")
	}
	if o.Range != frame.RangeDefault {
		b.WriteString("setparams=range=" + o.Range.String() + ",") // before depths are converted, which may change the range
	}
	if o.hdr != "" {
		fmt.Fprintf(&b, toneMapping, o.unsaid())
	}
	sides := squareSides
	if o.IgnoreSAR {
		sides = ""
	}
	fmt.Fprintf(&b, scaling+",format=pix_fmts="+pixelFormats+",showinfo=checksum=0", sides)
	return b.String()
}

// unsaid returns a filter that sets the properties that an HDR stream lacks to those of BT.2020.
func (o *Options) unsaid() string {
	var set []string
	if o.in.matrix == "" {
		set = append(set, "colorspace=bt2020nc")
	}
	if o.in.primaries == "" {
		set = append(set, "color_primaries=bt2020")
	}
	if o.in.colorRange == "" {
		set = append(set, "range=limited")
	}
	if set == nil {
		return ""
	}
	return "setparams=" + strings.Join(set, ":") + ","
}

// imageEndings are the file name endings with which ffmpeg takes % and the characters of a shell's patterns in a name
// for a series of files (libavformat/img2.c).
var imageEndings = map[string]bool{
	"apng": true, "avif": true, "bmp": true, "cri": true, "dds": true, "dng": true, "dpx": true, "exr": true, "fits": true, "gem": true,
	"gif": true, "ico": true, "img": true, "j2c": true, "j2k": true, "jls": true, "jp2": true, "jpc": true, "jpeg": true, "jpg": true,
	"jps": true, "jxl": true, "ljpg": true, "mng": true, "mpo": true, "pam": true, "pbm": true, "pcd": true, "pct": true, "pcx": true,
	"pfm": true, "pgm": true, "pgmyuv": true, "phm": true, "pic": true, "pict": true, "pix": true, "png": true, "pns": true, "ppm": true,
	"psd": true, "ptx": true, "qoi": true, "ras": true, "raw": true, "rs": true, "sgi": true, "sun": true, "sunras": true, "svg": true,
	"svgz": true, "tga": true, "tif": true, "tiff": true, "vbn": true, "wbmp": true, "webp": true, "xbm": true, "xface": true, "xpm": true,
	"xwd": true, "y": true, "yuv10": true, "yuv": true,
}

func ending(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

// isPattern reports whether ffmpeg would take the name of a file for a series of files. Such a file comes through a pipe.
func isPattern(name string) bool {
	return name != "" && imageEndings[ending(name)] && strings.ContainsAny(name, `%*?{}[]\`)
}

// isStill reports whether a file is a still image, by its name.
func isStill(name string) bool {
	switch ending(name) {
	case "jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff":
		return true
	}
	return false
}

// IsCamera reports whether path is a camera device of Linux.
func IsCamera(path string) bool { return strings.HasPrefix(path, "/dev/video") }

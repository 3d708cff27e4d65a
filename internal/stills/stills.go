// Package stills reads image files one after the other: those of a folder, or those that match a pattern. A file that is
// cut short, empty, or not an image is skipped and named. Data after the image is ignored, such as the video of a motion
// photo or the gain map of an HDR photo.
package stills

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	stdjpeg "image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"

	"golang.org/x/image/tiff"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/jpegdec"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// FileError says why a file could not be read as an image.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", shownName(e.Path), e.Err) }

// Unwrap returns the error that is wrapped.
func (e *FileError) Unwrap() error { return e.Err }

// shownName returns name for a terminal: quoted if it has unprintable characters.
func shownName(name string) string {
	if quoted := fmt.Sprintf("%q", name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// Options say how to read files. The zero value works.
type Options struct {
	Skipped func(*FileError) // called once for each file that is skipped; nil: they are counted alone
	Strict  bool             // a file that would be skipped ends the reading with its *FileError
	Loop    bool             // the first file follows the last
}

// Reader reads files. It is for one goroutine at a time, and holds one file open at most.
type Reader struct {
	ctx     context.Context
	files   []string
	next    int // index of the next file
	pool    *pool.Pool
	options Options
	decoder JPEGDecoder
	encoder map[frame.Desc]*pipeline.Pipeline
	found   int  // images since the first file
	again   bool // the files were read before

	Read, Skipped int // images that were read, files that were skipped
}

// New returns a Reader of files. Images are in memory from p, which it borrows. Decoding ends with ctx.
func New(ctx context.Context, files []string, p *pool.Pool, o Options) *Reader {
	return &Reader{ctx: ctx, files: files, pool: p, options: o, decoder: JPEGDecoder{Pool: p}}
}

// NextFrame decodes the next image, upright, in a geometry of its own; the caller releases it. It returns io.EOF after the
// last, pool.ErrBudget when there is no memory (Next may be called again), a *FileError with Options.Strict, and the
// cause of ctx's end.
func (r *Reader) NextFrame() (f frame.Frame, err error) {
	err = r.each(func(file *os.File, kind kind) error {
		f, err = r.frame(file, kind)
		return err
	})
	return f, err
}

// NextJPEG returns the next image as a JPEG; the caller releases it. A JPEG comes unchanged from its file, and may have
// an EXIF orientation; any other image is encoded, in quality 95 and 4:4:4. Errors are NextFrame's.
func (r *Reader) NextJPEG() (b pool.Buf, err error) {
	err = r.each(func(file *os.File, kind kind) error {
		if kind == isJPEG {
			b, err = r.jpeg(file)
			return err
		}
		f, err := r.frame(file, kind)
		if err != nil {
			return err
		}
		defer f.Release()
		b, err = r.encode(f)
		return err
	})
	return b, err
}

// each calls read with the next file, and goes on to the one after it while the error is about the file.
func (r *Reader) each(read func(*os.File, kind) error) error {
	for {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		if r.next == len(r.files) {
			if !r.options.Loop || r.found == 0 {
				return io.EOF
			}
			r.next, r.found, r.again = 0, 0, true
		}
		path := r.files[r.next]
		err := r.open(path, read)
		switch {
		case errors.Is(err, pool.ErrBudget):
			return err
		case r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		}
		r.next++
		if err == nil {
			r.Read++
			r.found++
			return nil
		}
		skipped := &FileError{Path: path, Err: err}
		if r.options.Strict {
			return skipped
		}
		if r.again {
			continue
		}
		r.Skipped++
		if r.options.Skipped != nil {
			r.options.Skipped(skipped)
		}
	}
}

// open detects the kind of a file and calls read.
func (r *Reader) open(path string, read func(*os.File, kind) error) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return withoutPath(err)
	case !info.Mode().IsRegular(): // Opening a named pipe would wait.
		return errors.New("it is not a regular file")
	case info.Size() == 0:
		return errors.New("it is empty")
	}
	file, err := os.Open(path)
	if err != nil {
		return withoutPath(err)
	}
	defer file.Close()
	head := make([]byte, headBytes)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return withoutPath(err)
	}
	kind := kindOf(head[:n])
	if kind == unknown {
		return fmt.Errorf("it is not an image: it begins with %.12q", head[:n])
	}
	return read(file, kind)
}

// kind is what a file is.
type kind uint8

const (
	unknown kind = iota
	isJPEG
	isPNG
	isTIFF
	isOther // an image for ffmpeg
)

// headBytes is how much of a file it takes to know its kind.
const headBytes = 32

// kindOf returns the kind of a file that begins with head: the name does not matter.
func kindOf(head []byte) kind {
	s := string(head)
	switch {
	case ingest.IsJPEG(head):
		return isJPEG
	case strings.HasPrefix(s, "\x89PNG\r\n\x1a\n"):
		return isPNG
	case strings.HasPrefix(s, "II*\x00"), strings.HasPrefix(s, "MM\x00*"):
		return isTIFF
	case len(s) >= 12 && (s[:4] == "RIFF" && s[8:12] == "WEBP" || s[4:8] == "ftyp" && isImageBrand(s[8:12])):
		return isOther
	case len(s) >= 3 && s[0] == 'P' && s[1] >= '1' && s[1] <= '7' && strings.ContainsAny(s[2:3], " \t\r\n#"):
		return isOther
	}
	for _, magic := range [...]string{"BM", "GIF8", "8BPS", "qoif"} {
		if strings.HasPrefix(s, magic) {
			return isOther
		}
	}
	return unknown
}

// isImageBrand reports whether a file of MPEG-4's kind with that brand is an image.
func isImageBrand(brand string) bool {
	return strings.Contains("avif heic heix mif1", brand)
}

// jpeg reads the JPEG with which file begins.
func (r *Reader) jpeg(file io.Reader) (pool.Buf, error) {
	j, err := ingest.NewJPEG(file, r.pool, ingest.Limits{}).Next()
	return j.Buf, reason(err)
}

// reason returns an error of package ingest in the words of a single file.
func reason(err error) error {
	var cut *ingest.TruncatedError
	var broken *ingest.JPEGError
	switch {
	case errors.As(err, &cut):
		return fmt.Errorf("the JPEG is cut short after %d bytes", cut.Got)
	case errors.As(err, &broken):
		return fmt.Errorf("the JPEG is broken at byte %d: %s", broken.Offset, broken.Reason)
	}
	return err
}

// frame decodes the image in file.
func (r *Reader) frame(file *os.File, kind kind) (frame.Frame, error) {
	switch kind {
	case isJPEG:
		return r.decodeJPEG(file)
	case isPNG:
		return r.decodeBy(pngCodec, file)
	case isTIFF:
		return r.decodeBy(tiffCodec, file)
	}
	return decodeOther(r.ctx, file, r.pool)
}

// decodeJPEG decodes the JPEG with which file begins.
func (r *Reader) decodeJPEG(file *os.File) (frame.Frame, error) {
	b, err := r.jpeg(file)
	if err != nil {
		return frame.Frame{}, err
	}
	defer b.Release()
	return r.decoder.Decode(r.ctx, b.Bytes())
}

// JPEGDecoder decodes JPEGs. It is for one goroutine.
type JPEGDecoder struct {
	Pool *pool.Pool // of the frames

	decoder jpegdec.Decoder
}

// Decode returns the JPEG data upright, in memory from the pool; the caller releases it. It borrows data. ffmpeg
// decodes kinds that image/jpeg does not know.
func (d *JPEGDecoder) Decode(ctx context.Context, data []byte) (frame.Frame, error) {
	f, err := d.decoder.Decode(ctx, data)
	var unsupported stdjpeg.UnsupportedError
	switch {
	case err == nil:
		return copyFrame(d.Pool, f)
	case errors.As(err, &unsupported): // ffmpeg would decode a broken one somehow.
		return decodeOther(ctx, bytes.NewReader(data), d.Pool)
	}
	return frame.Frame{}, err
}

// copyFrame returns f in memory of p.
func copyFrame(p *pool.Pool, f frame.Frame) (frame.Frame, error) {
	dst, err := frame.New(p, f.Desc)
	if err != nil {
		return frame.Frame{}, err
	}
	to, from := dst.Planes(), f.Planes()
	for i := range to {
		width := to[i].Stride
		for y := 0; y*width < len(to[i].Pix); y++ {
			copy(to[i].Pix[y*width:(y+1)*width], from[i].Pix[y*from[i].Stride:])
		}
	}
	return dst, nil
}

// codec is how package image reads a kind of file.
type codec struct {
	name         string
	decode       func(io.Reader) (image.Image, error)
	decodeConfig func(io.Reader) (image.Config, error)
}

var (
	pngCodec  = codec{"PNG", png.Decode, png.DecodeConfig}
	tiffCodec = codec{"TIFF", tiff.Decode, tiff.DecodeConfig} // ffmpeg reads it from files of that name alone.
)

// decodeBy decodes an image to RGB or gray; it ignores alpha.
func (r *Reader) decodeBy(c codec, file *os.File) (frame.Frame, error) {
	config, err := c.decodeConfig(file)
	if err != nil {
		return frame.Frame{}, c.reason(err)
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > maxPixels {
		return frame.Frame{}, fmt.Errorf("got %dx%d pixels, want at most %d in all", config.Width, config.Height, maxPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return frame.Frame{}, withoutPath(err)
	}
	img, err := c.decode(bufferedFile{bufio.NewReader(file), file})
	if err != nil {
		return frame.Frame{}, c.reason(err)
	}
	d := frame.Desc{Format: frame.RGBA, Width: config.Width, Height: config.Height}
	switch img := img.(type) {
	case *image.Gray:
		d.Format = frame.Gray8
		return r.wrap(d, img.Pix, img.Stride)
	case *image.NRGBA: // Alpha is ignored.
		return r.wrap(d, img.Pix, img.Stride)
	case *image.RGBA: // It is opaque.
		return r.wrap(d, img.Pix, img.Stride)
	}
	flat := image.NewNRGBA(img.Bounds())
	draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Src)
	return r.wrap(d, flat.Pix, flat.Stride)
}

// bufferedFile is a file with a buffered Read. Its ReadAt is not buffered: a TIFF is read at random offsets.
type bufferedFile struct {
	*bufio.Reader
	io.ReaderAt
}

// maxPixels bounds an image, as ingest.Limits and package ffmpeg do.
const maxPixels = 50_000_000

// reason returns why an image was not decoded.
func (c codec) reason(err error) error {
	text := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasSuffix(text, "not enough pixel data") {
		return fmt.Errorf("the %s is cut short", c.name)
	}
	for _, prefix := range [...]string{"png: invalid format: ", "png: ", "tiff: invalid format: ", "tiff: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("the %s is broken: %s", c.name, text)
}

func (r *Reader) wrap(d frame.Desc, pix []byte, stride int) (frame.Frame, error) {
	f, err := frame.Wrap(d, frame.Plane{Pix: pix, Stride: stride})
	if err != nil {
		return frame.Frame{}, err
	}
	return copyFrame(r.pool, f)
}

// decodeOther decodes an image by ffmpeg, which recognizes it by its content.
func decodeOther(ctx context.Context, r io.Reader, p *pool.Pool) (frame.Frame, error) {
	decoder, err := ffmpeg.Open(ctx, ffmpeg.Options{Stdin: r, Frames: 1}, p)
	if err != nil {
		return frame.Frame{}, ffmpegReason(err)
	}
	defer decoder.Close()
	f, err := decoder.Next()
	return f, ffmpegReason(err)
}

// ffmpegReason returns why ffmpeg did not decode a file. The file is named elsewhere.
func ffmpegReason(err error) error {
	var failed *ffmpeg.Error
	switch {
	case errors.As(err, &failed):
		return errors.New(failed.Cause)
	case err == io.EOF:
		return errors.New("ffmpeg finds no image in it")
	}
	return err
}

// maxEncoders bounds the pipelines that are kept, one for each geometry.
const maxEncoders = 8

// encode returns f as a JPEG.
func (r *Reader) encode(f frame.Frame) (pool.Buf, error) {
	p := r.encoder[f.Desc]
	if p == nil {
		var err error
		p, err = pipeline.Compile(pipeline.Spec{Input: f.Desc, Output: pipeline.Output{Quality: 95, Subsampling: jpeg.Sub444}}, &pipeline.Options{Pool: r.pool})
		if err != nil {
			return pool.Buf{}, err
		}
		if r.encoder == nil || len(r.encoder) == maxEncoders {
			r.encoder = map[frame.Desc]*pipeline.Pipeline{}
		}
		r.encoder[f.Desc] = p
	}
	batch := pipeline.Batch{In: []frame.Frame{f}}
	if err := p.Run(r.ctx, &batch); err != nil {
		return pool.Buf{}, err
	}
	return batch.Out[0].Buf, batch.Out[0].Err
}

package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"

	"github.com/steadyframe/steadyframe/frame"
)

var errNoJPEG = errors.New("live: got bytes without a JPEG's frame header, want a JPEG")

// jpegSize returns the size in pixels that the frame header of a JPEG says (ITU-T T.81, B.2.2).
func jpegSize(data []byte) (width, height int, err error) {
	if !bytes.HasPrefix(data, []byte{0xFF, 0xD8}) {
		return 0, 0, errNoJPEG
	}
	rest := data[2:]
	for len(rest) >= 4 && rest[0] == 0xFF {
		marker := rest[1]
		switch {
		case marker == 0xFF: // fill
			rest = rest[1:]
			continue
		case marker == 0x01: // TEM, which stands alone
			rest = rest[2:]
			continue
		case isFrameHeader(marker):
			if len(rest) < 9 {
				return 0, 0, errNoJPEG
			}
			height, width = int(binary.BigEndian.Uint16(rest[5:])), int(binary.BigEndian.Uint16(rest[7:]))
			if width == 0 || height == 0 {
				return 0, 0, errNoJPEG
			}
			return width, height, nil
		}
		length := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if length < 4 || length > len(rest) || marker == 0xDA { // SOS: the picture begins
			return 0, 0, errNoJPEG
		}
		rest = rest[length:]
	}
	return 0, 0, errNoJPEG
}

// errNoEnd is about a JPEG that is to be passed on: half of it would be shown by some viewers, and end others.
var errNoEnd = errors.New("live: got a JPEG without its end, want it to end with FF D9")

// hasEnd reports whether data ends with the marker EOI (ITU-T T.81, B.1.1.3), or with zeros after that, with which some
// writers fill up their buffers.
func hasEnd(data []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(data, "\x00"), []byte{0xFF, 0xD9})
}

// isFrameHeader reports whether the marker is SOF0..SOF15: C0..CF but for DHT, JPG and DAC.
func isFrameHeader(marker byte) bool {
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
}

// decoder decodes JPEGs with image/jpeg, which makes a new image each time.
type decoder struct {
	reader bytes.Reader
	rgba   *image.RGBA // what decode's frame may lie in, used again
}

// decode returns the JPEG as a frame over memory of its own, until the next call: gray and 4:2:0 as they are, all else
// as RGBA, so that no chroma is lost.
func (d *decoder) decode(data []byte) (frame.Frame, error) {
	d.reader.Reset(data)
	img, err := jpeg.Decode(&d.reader)
	if err != nil {
		return frame.Frame{}, err
	}
	size := img.Bounds().Size()
	desc := frame.Desc{Format: frame.RGBA, Width: size.X, Height: size.Y}
	switch img := img.(type) {
	case *image.Gray:
		desc.Format = frame.Gray8
		return frame.Wrap(desc, frame.Plane{Pix: img.Pix, Stride: img.Stride})
	case *image.YCbCr:
		if img.SubsampleRatio == image.YCbCrSubsampleRatio420 {
			desc.Format, desc.Range = frame.I420, frame.RangeFull
			return frame.Wrap(desc,
				frame.Plane{Pix: img.Y, Stride: img.YStride}, frame.Plane{Pix: img.Cb, Stride: img.CStride}, frame.Plane{Pix: img.Cr, Stride: img.CStride})
		}
	}
	if d.rgba == nil || d.rgba.Rect.Size() != size {
		d.rgba = image.NewRGBA(image.Rectangle{Max: size})
	}
	draw.Draw(d.rgba, d.rgba.Rect, img, img.Bounds().Min, draw.Src)
	return frame.Wrap(desc, frame.Plane{Pix: d.rgba.Pix, Stride: d.rgba.Stride})
}

// decodedBytes is what decode holds at most for a JPEG of that size: 4:4:4 samples and RGBA.
func decodedBytes(width, height int) int64 { return int64(width) * int64(height) * 7 }

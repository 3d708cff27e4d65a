package scenedir

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/scene"
)

// masks is mask.png, or the files of masks/, one for each background.
type masks struct {
	all   *scene.Mask
	count int // of those that are one for each background
	read  func(n int) (*image.Alpha, error)
}

// find reads mask.png, or lists the files of masks/.
func (m *masks) find(dir string) error {
	one := filepath.Join(dir, maskFile)
	alpha, err := readMask(one)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil {
		m.all = &scene.Mask{Shape: scene.Given, Alpha: alpha}
	}
	folder := filepath.Join(dir, masksFolder)
	if _, err := os.Stat(folder); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	if m.all != nil {
		return fmt.Errorf("got %s and %s, want one of them", maskFile, masksFolder)
	}
	files, err := stills.List(folder)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	m.count = len(files.Names)
	m.read = func(n int) (*image.Alpha, error) { return readMask(files.Names[n]) }
	return nil
}

// of returns the mask of background n, nil if there is none.
func (m *masks) of(n int) (*scene.Mask, error) {
	if m.count == 0 {
		return m.all, nil
	}
	if n >= m.count {
		return nil, m.countError("more")
	}
	alpha, err := m.read(n)
	if err != nil {
		return nil, err
	}
	return &scene.Mask{Shape: scene.Given, Alpha: alpha}, nil
}

// checkCount returns an error unless there are as many masks as backgrounds, or none.
func (m *masks) checkCount(backgrounds int) error {
	if m.count > 0 && m.count != backgrounds {
		return m.countError(fmt.Sprint(backgrounds))
	}
	return nil
}

func (m *masks) countError(backgrounds string) error {
	return fmt.Errorf("%s: got %d files, want one for each background, of which there are %s", masksFolder, m.count, backgrounds)
}

// maxMaskPixels bounds the pixels of a mask, before it is decoded.
const maxMaskPixels = 64 << 20

// readMask reads a PNG: its alpha, or, if all of it is opaque, its luma.
func readMask(path string) (*image.Alpha, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := png.DecodeConfig(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: want a PNG: %w", path, err)
	}
	if c.Width > 65535 || c.Height > 65535 || int64(c.Width)*int64(c.Height) > maxMaskPixels {
		return nil, fmt.Errorf("%s: got %dx%d, want sides up to 65535 and %d pixels at most", path, c.Width, c.Height, maxMaskPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, err := png.Decode(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return alphaOf(img), nil
}

func alphaOf(img image.Image) *image.Alpha {
	b := img.Bounds()
	a := image.NewAlpha(image.Rect(0, 0, b.Dx(), b.Dy()))
	opaque := true
	for y := range b.Dy() {
		for x := range b.Dx() {
			_, _, _, v := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			a.Pix[y*a.Stride+x] = byte(v >> 8)
			opaque = opaque && v == 0xffff
		}
	}
	if !opaque {
		return a
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			a.Pix[y*a.Stride+x] = color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y
		}
	}
	return a
}

// flatten returns img with 8 bits a sample.
func flatten(img image.Image) *image.NRGBA {
	flat := image.NewNRGBA(img.Bounds())
	draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Src)
	return flat
}

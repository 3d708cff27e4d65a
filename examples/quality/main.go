// Command quality prints the table of docs/recipes.md: the bytes of one frame, a scene made in code, as JPEGs of several
// settings, and how far they are from it. With -images it writes parts of these JPEGs into a folder, too.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	sfjpeg "github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// settings are the rows of the table.
var settings = []setting{{50, "420"}, {75, "420"}, {75, "444"}, {85, "420"}, {90, "444"}, {95, "444"}}

// setting is what a JPEG is encoded with.
type setting struct {
	quality     int
	subsampling string
}

// parts are what the images show of the frame, one below the other: a balloon before the sky and another, flowers in grass. They
// begin at multiples of 16 pixels, as MCUs do, and so their blocks are those of the whole frame's JPEG.
var parts = []image.Rectangle{image.Rect(128, 48, 256, 160), image.Rect(592, 576, 720, 672)}

func main() {
	folder := flag.String("images", "", "write parts of the JPEGs into this `folder`: docs/img")
	flag.Parse()
	scene, err := scene()
	if err != nil {
		log.Fatal(err)
	}
	if err := table(os.Stdout, scene); err != nil {
		log.Fatal(err)
	}
	if *folder == "" {
		return
	}
	for _, s := range settings {
		data, err := s.parts(scene)
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*folder, s.file()), data, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// scene returns the frame.
func scene() (frame.Frame, error) {
	f, err := rgb(1280, 720)
	if err == nil {
		synth.New(f.Desc.Width, f.Desc.Height, 1).Render(&f, 100)
	}
	return f, err
}

// rgb returns a black frame in rgb24.
func rgb(width, height int) (frame.Frame, error) {
	return frame.WrapBytes(frame.Desc{Format: frame.RGB24, Width: width, Height: height}, make([]byte, width*height*3))
}

// table writes the table of f, as Markdown.
func table(w io.Writer, f frame.Frame) error {
	fmt.Fprintf(w, "| quality | chroma | kB | 25 fps | PSNR |\n|---|---|---|---|---|\n")
	for _, s := range settings {
		data, err := s.encode(f)
		if err != nil {
			return err
		}
		db, err := psnr(data, f)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %s | %.0f | %.1f Mbit/s | %.1f dB |\n", s.quality, s.subsampling, float64(len(data))/1e3, float64(len(data))*8*25/1e6, db)
	}
	return nil
}

// file is the name of the setting's image in docs/img.
func (s setting) file() string { return fmt.Sprintf("quality-%d-%s.jpg", s.quality, s.subsampling) }

// parts returns a JPEG of the parts of f.
func (s setting) parts(f frame.Frame) ([]byte, error) {
	height := 0
	for _, part := range parts {
		height += part.Dy()
	}
	shown, err := rgb(parts[0].Dx(), height)
	if err != nil {
		return nil, err
	}
	row := 0
	for _, part := range parts {
		for y := part.Min.Y; y < part.Max.Y; y++ {
			copy(shown.Row(0, row), f.Row(0, y)[3*part.Min.X:3*part.Max.X])
			row++
		}
	}
	return s.encode(shown)
}

// encode returns f as a JPEG.
func (s setting) encode(f frame.Frame) ([]byte, error) {
	var subsampling sfjpeg.Subsampling
	if err := subsampling.UnmarshalText([]byte(s.subsampling)); err != nil {
		return nil, err
	}
	workers := pipeline.NewWorkers(0)
	defer workers.Close()
	p, err := pipeline.Compile(pipeline.Spec{Input: f.Desc, Output: pipeline.Output{Quality: s.quality, Subsampling: subsampling}}, &pipeline.Options{Workers: workers})
	if err != nil {
		return nil, err
	}
	batch := pipeline.Batch{In: []frame.Frame{f}}
	defer batch.Release()
	if err := p.Run(context.Background(), &batch); err != nil {
		return nil, err
	}
	return bytes.Clone(batch.Out[0].Bytes()), batch.Out[0].Err
}

// psnr returns the peak signal-to-noise ratio of a JPEG, as image/jpeg decodes it, against f, over R, G and B.
func psnr(data []byte, f frame.Frame) (db float64, err error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	decoded, sum := image.NewRGBA(m.Bounds()), 0
	draw.Draw(decoded, decoded.Bounds(), m, m.Bounds().Min, draw.Src)
	pixels := f.Plane(0).Pix[:3*f.Desc.Width*f.Desc.Height]
	for i, v := range pixels {
		d := int(decoded.Pix[i/3*4+i%3]) - int(v)
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(pixels))/float64(sum)), nil
}

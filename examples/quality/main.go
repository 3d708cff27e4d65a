// Command quality prints the table of docs/recipes.md: the bytes of one frame, a scene made in code, as JPEGs of several
// settings, and how far they are from it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"log"
	"math"
	"os"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	sfjpeg "github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// settings are the rows of the table.
var settings = []struct {
	quality     int
	subsampling string
}{{50, "420"}, {75, "420"}, {75, "444"}, {85, "420"}, {90, "444"}, {95, "444"}}

func main() {
	if err := write(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// write writes the table, as Markdown.
func write(w io.Writer) error {
	desc := frame.Desc{Format: frame.RGB24, Width: 1280, Height: 720}
	pixels := make([]byte, desc.Width*desc.Height*3)
	f, err := frame.WrapBytes(desc, pixels)
	if err != nil {
		return err
	}
	synth.New(desc.Width, desc.Height, 1).Render(&f, 100)
	fmt.Fprintf(w, "| quality | chroma | kB | 25 fps | PSNR |\n|---|---|---|---|---|\n")
	for _, s := range settings {
		data, err := encode(f, s.quality, s.subsampling)
		if err != nil {
			return err
		}
		db, err := psnr(data, pixels)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %s | %.0f | %.1f Mbit/s | %.1f dB |\n", s.quality, s.subsampling, float64(len(data))/1e3, float64(len(data))*8*25/1e6, db)
	}
	return nil
}

// encode returns f as a JPEG.
func encode(f frame.Frame, quality int, subsampling string) ([]byte, error) {
	var s sfjpeg.Subsampling
	if err := s.UnmarshalText([]byte(subsampling)); err != nil {
		return nil, err
	}
	workers := pipeline.NewWorkers(0)
	defer workers.Close()
	p, err := pipeline.Compile(pipeline.Spec{Input: f.Desc, Output: pipeline.Output{Quality: quality, Subsampling: s}}, &pipeline.Options{Workers: workers})
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

// psnr returns the peak signal-to-noise ratio of a JPEG, as image/jpeg decodes it, against the pixels, over R, G and B.
func psnr(data, pixels []byte) (db float64, err error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	decoded, sum := image.NewRGBA(m.Bounds()), 0
	draw.Draw(decoded, decoded.Bounds(), m, m.Bounds().Min, draw.Src)
	for i, v := range pixels {
		d := int(decoded.Pix[i/3*4+i%3]) - int(v)
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(pixels))/float64(sum)), nil
}

package jpeg_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"log"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
)

// Encode takes the place of image/jpeg's: only the import changes.
func ExampleEncode() {
	m := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range m.Pix {
		m.Pix[i] = 0xFF // white
	}
	m.SetRGBA(10, 10, color.RGBA{R: 0xFF, A: 0xFF})

	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 90}); err != nil {
		log.Fatal(err)
	}
	c, format, err := image.DecodeConfig(&out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %dx%d\n", format, c.Width, c.Height)
	// Output: jpeg, 320x240
}

// An Encoder encodes frames of one geometry, one after another, into memory of the caller's.
func ExampleEncoder() {
	d := frame.Desc{Format: frame.BGR24, Width: 64, Height: 48}
	e, err := jpeg.NewEncoder(d, &jpeg.Options{Quality: 85, Subsampling: jpeg.Sub444})
	if err != nil {
		log.Fatal(err)
	}
	pixels := make([]byte, 64*48*3) // black
	f, err := frame.WrapBytes(d, pixels)
	if err != nil {
		log.Fatal(err)
	}
	var out []byte
	for range 2 {
		if out, err = e.Append(out[:0], f); err != nil { // from the second frame on, nothing is allocated
			log.Fatal(err)
		}
	}
	fmt.Printf("% x\n", out[:4])
	// Output: ff d8 ff e0
}

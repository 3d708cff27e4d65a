package main

import (
	"bytes"
	"image"
	"image/jpeg"

	"golang.org/x/image/draw"
)

// standard is what a Go program does without a library for it, but with its buffers kept.
type standard struct {
	w              *workload
	pixels, scaled *image.RGBA
	packed         []byte
	out            bytes.Buffer
}

func openStandard(w *workload) (encoder, error) {
	e := &standard{w: w, pixels: image.NewRGBA(image.Rect(0, 0, w.in.Width, w.in.Height)), packed: make([]byte, 3*w.in.Width*w.in.Height)}
	e.scaled = e.pixels
	if w.resizes() {
		e.scaled = image.NewRGBA(image.Rect(0, 0, w.width, w.height))
	}
	return e, nil
}

func (e *standard) Encode(frame []byte) ([]byte, error) {
	if len(frame) != len(e.packed) {
		frame = packedOfFloats(e.packed, frame)
	}
	rgba := e.pixels.Pix
	for i, j := 0, 0; i+2 < len(frame) && j+3 < len(rgba); i, j = i+3, j+4 {
		rgba[j], rgba[j+1], rgba[j+2], rgba[j+3] = frame[i+2], frame[i+1], frame[i], 255
	}
	if e.scaled != e.pixels {
		draw.ApproxBiLinear.Scale(e.scaled, e.scaled.Rect, e.pixels, e.pixels.Rect, draw.Src, nil)
	}
	e.out.Reset()
	err := jpeg.Encode(&e.out, e.scaled, &jpeg.Options{Quality: e.w.quality})
	return e.out.Bytes(), err
}

func (e *standard) Close() {}

package steadyframe_test

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"log"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/mel"
	"github.com/steadyframe/steadyframe/pipeline"
)

// The snippets of docs/go.md: a gray frame, made smaller and encoded.
func Example() {
	ctx := context.Background()
	pixels := bytes.Repeat([]byte{128}, 640*360*3)

	workers := pipeline.NewWorkers(0) // one for each processor
	defer workers.Close()
	p, err := pipeline.Compile(pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320},
		Output: pipeline.Output{Quality: 75},
	}, &pipeline.Options{Workers: workers})
	if err != nil {
		log.Fatal(err)
	}
	f, err := frame.WrapBytes(p.Spec().Input, pixels) // borrows pixels: nothing is copied
	if err != nil {
		log.Fatal(err)
	}

	batch := pipeline.Batch{In: []frame.Frame{f}} // keep it: from the second run on, nothing is allocated
	defer batch.Release()                         // gives the images' memory back to the pool
	if err := p.Run(ctx, &batch); err != nil {
		log.Fatal(err)
	}
	if err := batch.Out[0].Err; err != nil {
		log.Fatal(err) // this frame alone was wrong
	}
	show(batch.Out[0].Bytes()) // good until Release

	// Output: 320x320
}

// Frames and features of sound share the workers of a process, and so do not slow each other down by more than their share.
func Example_sound() {
	workers := pipeline.NewWorkers(0)
	defer workers.Close()
	spec, err := mel.Preset("wav2lip")
	if err != nil {
		log.Fatal(err)
	}
	m, err := mel.Compile(spec, &mel.Options{Workers: workers})
	if err != nil {
		log.Fatal(err)
	}
	features := m.Append(nil, make([]float32, 16000)) // a second of silence
	fmt.Println(len(features)/m.Bands(), "frames of", m.Bands(), "features, all", features[0])

	// Output: 81 frames of 80 features, all -4
}

// show prints the size of a JPEG.
func show(jpegBytes []byte) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(jpegBytes))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%dx%d\n", c.Width, c.Height)
}

// This example shows how to:
//
//  1. describe what to make of frames, and compile it once;
//  2. encode batches of frames from memory of your own, with all processors;
//  3. take the JPEGs, in order, and give their memory back.
//
// It draws 50 frames of a moving gradient and writes them as frame-01.jpg ... into the folder that is its argument.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

const (
	batches   = 2
	batchSize = 25
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: encode FOLDER")
	}
	if err := encode(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func encode(ctx context.Context, folder string) error {
	// 1. The spec is checked here; what is wrong is said with the field's name.
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.RGB24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fill, Filter: pipeline.Area},
		Output: pipeline.Output{Quality: 85},
	}
	workers := pipeline.NewWorkers(0)
	defer workers.Close()
	p, err := pipeline.Compile(spec, &pipeline.Options{Workers: workers})
	if err != nil {
		return err
	}
	fmt.Print(p.Explain())

	// 2. The frames borrow pixels that are drawn anew for each batch. The batch is kept, and so is its memory.
	var batch pipeline.Batch
	size, err := spec.Input.Size()
	if err != nil {
		return err
	}
	for range batchSize {
		f, err := frame.WrapBytes(spec.Input, make([]byte, size))
		if err != nil {
			return err
		}
		batch.In = append(batch.In, f)
	}
	for n := range batches {
		for i := range batch.In {
			draw(&batch.In[i], n*batchSize+i)
		}
		if err := p.Run(ctx, &batch); err != nil {
			return err
		}
		// 3. A frame that could not be encoded fails alone.
		if err := write(folder, n*batchSize, &batch); err != nil {
			return err
		}
	}
	return nil
}

// write writes the images of the batch, whose first frame is number first, and releases them.
func write(folder string, first int, batch *pipeline.Batch) error {
	defer batch.Release()
	for i := range batch.Out {
		r := &batch.Out[i]
		if r.Err != nil {
			return fmt.Errorf("frame %d: %w", first+i+1, r.Err)
		}
		name := filepath.Join(folder, fmt.Sprintf("frame-%02d.jpg", first+i+1))
		if err := os.WriteFile(name, r.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// draw sets f to a gradient that moves with time.
func draw(f *frame.Frame, time int) {
	for y := range f.Desc.Height {
		row := f.Row(0, y)
		for x := range f.Desc.Width {
			row[3*x], row[3*x+1], row[3*x+2] = byte(x+4*time), byte(y-2*time), byte(x+y)
		}
	}
}

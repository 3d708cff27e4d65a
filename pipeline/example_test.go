package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"

	"bytes"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// A batch of frames becomes a batch of JPEGs, in order.
func ExamplePipeline_Run() {
	s := pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fit},
		Output: pipeline.Output{Quality: 80},
	}
	workers := pipeline.NewWorkers(0) // one for the whole program
	defer workers.Close()
	p, err := pipeline.Compile(s, &pipeline.Options{Workers: workers})
	if err != nil {
		fmt.Println(err)
		return
	}

	pixels := make([]byte, 640*360*3) // from a camera, say
	f, err := frame.WrapBytes(s.Input, pixels)
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := pipeline.Batch{In: []frame.Frame{f, f}} // to be kept for the next batch
	if err := p.Run(context.Background(), &batch); err != nil {
		fmt.Println(err)
		return
	}
	defer batch.Release()
	for i := range batch.Out {
		r := &batch.Out[i]
		if r.Err != nil {
			fmt.Println(r.Err) // this frame alone has failed
			continue
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(r.Bytes()))
		fmt.Println(c.Width, c.Height, err)
	}
	// Output:
	// 320 320 <nil>
	// 320 320 <nil>
}

// A Spec is data. What is wrong with it is said with the path of the field.
func ExampleSpec() {
	const text = `{
		"input":  {"format": "nv12", "width": 1920, "height": 1080},
		"crop":   "1080x1080+420+0",
		"resize": {"width": 256},
		"output": {"format": "jpeg", "quality": 110}
	}`
	var s pipeline.Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.OutputSize())
	fmt.Println(s.Validate())
	// Output:
	// 256 256
	// pipeline: output.quality: got 110, want 1..100, or 0 for 75
}

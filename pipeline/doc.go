// Package pipeline turns raw frames into JPEGs, or into raw images, by a [Spec]: crop, resize, letterbox, color
// conversion, encode.
//
//	s := pipeline.Spec{
//		Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
//		Resize: pipeline.Resize{Width: 320, Height: 320},
//		Output: pipeline.Output{Quality: 80},
//	}
//	p, err := pipeline.Compile(s, &pipeline.Options{Workers: workers})
//	...
//	err = p.Run(ctx, &batch) // batch.In: frames; batch.Out: results in the same order
//
// A Spec is data, in Go, JSON or YAML. [Compile] validates it and chooses kernels and tables, once; [Pipeline.Run] then
// allocates nothing in steady state: results are buffers of a [pool.Pool], and scratch is kept from run to run.
//
// An image is made in bands, runs of 16 or 8 output lines: each is sampled (crop, resize and conversion in one pass),
// coded, and discarded. There is no whole image between input and output. Frames of a batch go to the goroutines of a
// [Workers] whole; a JPEG with restart markers, and any raw image, may also be split into runs of bands. Every byte
// is the same for any number of workers.
//
// Run borrows the frames and gives the results to the holder of the [Batch], who releases them.
package pipeline

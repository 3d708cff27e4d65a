package main

import (
	"context"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ours is Steadyframe as a library.
type ours struct {
	pipeline *pipeline.Pipeline
	in       frame.Desc
	batch    pipeline.Batch
	history  pipeline.History // of frames that are mostly as before
}

func openOurs(w *workload) (encoder, error) {
	if w.onto != nil {
		return openOurScene(w)
	}
	return openPipeline(w, nil)
}

// openLower returns ours without the processor's highest level, where that is AVX-512: no kernel of a level should be slower
// than what it replaces.
func openLower(w *workload) (encoder, error) {
	if !strings.Contains(pipeline.DescribeKernels(), "avx512") {
		return nil, errNoWay
	}
	return openPipeline(w, &pipeline.Options{Kernels: "avx2"})
}

func openPipeline(w *workload, o *pipeline.Options) (encoder, error) {
	p, err := pipeline.Compile(w.spec(), o)
	if err != nil {
		return nil, err
	}
	e := &ours{pipeline: p, in: w.in}
	if w.still {
		e.batch.History = &e.history
	}
	return e, nil
}

func (e *ours) Encode(pixels []byte) ([]byte, error) {
	f, err := frame.WrapBytes(e.in, pixels)
	if err != nil {
		return nil, err
	}
	e.batch.Release()
	e.batch.In = append(e.batch.In[:0], f)
	if err := e.pipeline.Run(context.Background(), &e.batch); err != nil {
		return nil, err
	}
	return e.batch.Out[0].Bytes(), e.batch.Out[0].Err
}

func (e *ours) Close() {
	e.batch.Release()
	e.history.Release()
}

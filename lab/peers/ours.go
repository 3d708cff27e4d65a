package main

import (
	"context"

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
	p, err := pipeline.Compile(w.spec(), nil)
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

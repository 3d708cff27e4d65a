package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// WarmError is why a load could not begin: the server did not respond to one of the first batches as it should.
type WarmError struct{ Err *Error }

func (e *WarmError) Error() string { return fmt.Sprintf("the first batches: %v", e.Err) }

// Unwrap returns what happened to one of them.
func (e *WarmError) Unwrap() error { return e.Err }

// warmAtOnce is how many connections are warmed up at the same time: more could be more than the server takes.
const warmAtOnce = 4

// warmID is where the ids of warm batches begin: far from those of others.
const warmID = 1 << 40

// warmUp sends each frame once, and a batch at least over each connection, one after the other: connections are made and
// the images of all frames known before the clock starts.
func (r *run) warmUp(ctx context.Context) error {
	if !r.options.Warm || r.generator.numbered == nil {
		return nil
	}
	total := len(r.links)
	if s := r.generator.numbered; r.generator.identities != nil && !r.generator.warmed {
		total = max(total, s.warm())
	}
	todo := make(chan int, len(r.links))
	for i := range r.links {
		todo <- i
	}
	close(todo)
	var workers sync.WaitGroup
	errs := make(chan error, warmAtOnce)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range warmAtOnce {
		workers.Go(func() {
			for i := range todo {
				if err := r.warmLink(ctx, i, total); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	workers.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.generator.warmed = true
	return nil
}

// warmLink sends those of total batches that are link i's.
func (r *run) warmLink(ctx context.Context, i, total int) error {
	done := make(chan *Error, 1)
	for n := i; n < total && ctx.Err() == nil; n += len(r.links) {
		frames, err := r.generator.source.Batch(ctx, n)
		if err != nil {
			return err
		}
		r.links[i].send(&call{n: n, warm: true, id: warmID + uint64(n), frames: frames, images: r.images(n), sent: time.Now(), done: done})
		select {
		case err := <-done:
			if err != nil && ctx.Err() == nil {
				return r.notWarm(err)
			}
		case <-ctx.Done():
		}
	}
	return nil
}

// notWarm returns why the load can not begin after what happened to one of the first batches.
func (r *run) notWarm(err *Error) error {
	if err.Class == Gone {
		return &GoneError{Target: r.options.Target, Reason: err.Reason}
	}
	if err.Kind == lost && r.generator.target.via == HTTP {
		err.Reason += "; check the port: gRPC has another one than HTTP, whose setting is http.listen"
	}
	return &WarmError{err}
}

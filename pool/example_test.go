package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/steadyframe/steadyframe/pool"
)

// Every Get has its Release, on error paths too: defer it right after the Get.
func Example() {
	p := pool.New(&pool.Options{Budget: 64 << 20})

	grayImage := func(width, height int) error {
		b, err := p.Get(width * height)
		if err != nil {
			return err // nothing was leased
		}
		defer b.Release()
		for i := range b.Bytes() {
			b.Bytes()[i] = 128 // all of it: the memory is dirty
		}
		return nil
	}
	fmt.Println(grayImage(640, 360), grayImage(640, 360), grayImage(20_000, 20_000))

	for _, c := range p.Stats().Classes {
		fmt.Printf("class %d: %d gets, %d puts, %d in use, %d misses\n", c.Size, c.Gets, c.Puts, c.InUse, c.Misses)
	}
	// Output:
	// <nil> <nil> pool: size out of range: got 400000000 bytes, want 0 to 268435456
	// class 262144: 2 gets, 2 puts, 0 in use, 1 misses
}

// One buffer, several readers: each gets a reference of its own, and the last Release ends the lease.
func ExampleBuf_Retain() {
	p := pool.New(nil)
	jpeg, err := p.Get(5)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer jpeg.Release()
	copy(jpeg.Bytes(), "JPEG!")

	done := make(chan int)
	for range 3 {
		viewer := jpeg.Retain() // before the goroutine starts, while this reference is held
		go func() {
			defer viewer.Release()
			done <- len(viewer.Bytes())
		}()
	}
	fmt.Println(<-done, <-done, <-done)
	// Output: 5 5 5
}

// Append in place: the capacity is the whole class's, and SetLen tells the other holders how much of it is used.
func ExampleBuf_SetLen() {
	p := pool.New(nil)
	b, err := p.Get(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Release()
	out := fmt.Appendf(b.Bytes(), "%d frames", 25)
	b.SetLen(len(out))
	fmt.Printf("%s, %d of %d bytes\n", b.Bytes(), b.Len(), b.Cap())
	// Output: 25 frames, 9 of 4096 bytes
}

// Work waits for memory once, at the edge, for all that it will lease; inside, Get finds room.
func ExamplePool_Admit() {
	p := pool.New(&pool.Options{Budget: 1 << 20})
	ctx := context.Background()

	const frame, jpeg = 691_200, 50_000
	grant, err := p.Admit(ctx, int64(pool.ClassSize(frame)+pool.ClassSize(jpeg)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Release()

	expired, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	_, err = p.Admit(expired, 1)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
	_, err = p.Admit(ctx, 2<<20) // never: no use to wait
	fmt.Println(err, errors.Is(err, pool.ErrBudget))
	// Output:
	// pool: admission of 1 bytes: context deadline exceeded true
	// pool: over budget: got a request for 2097152 bytes with 843776 in use, want at most 1048576 together true
}

// Scratch with a shape of its own: Reset drops what belongs to others, Keep refuses what grew too large.
func ExampleOf() {
	type scratch struct{ rows []byte }
	contexts := pool.Of[scratch]{
		New:   func() *scratch { return &scratch{rows: make([]byte, 0, 1024)} },
		Reset: func(s *scratch) { s.rows = s.rows[:0] },
		Keep:  func(s *scratch) bool { return cap(s.rows) <= 1<<20 },
	}
	s := contexts.Get()
	s.rows = append(s.rows, make([]byte, 2<<20)...)
	contexts.Put(s)
	fmt.Println(contexts.Refused(), "refused")
	// Output: 1 refused
}

// Package putshape finds values that do not fit the pool they are put into.
//
// A value that is not a pointer is copied to the heap for the any that Put takes, so that the pool saves one allocation and
// makes another:
//
//	p.Put(b) // wrong for b a []byte: 24 bytes are allocated for its header
//	p.Put(bp) // right for bp a *[]byte
//
// A value that goes into another pool than it came from has the wrong shape for its next user:
//
//	b := small.Get().(*[]byte)
//	defer large.Put(b) // wrong
//
// Two pools that exchange values both ways count as intended.
//
// And so has one of another type than the one that each Get of the package takes it for: the Get panics, or finds the pool empty each time.
//
//	header := headers.Get().(*[]byte)
//	defer headers.Put(&header) // wrong: a **[]byte
//
// A slice that goes back without its beginning gets shorter each time, until the memory is of no use. What is read in pieces from a field
// needs a position beside it:
//
//	q.buf = q.buf[n:]
//	...
//	pool.Put(q.buf) // wrong
//
// So does one that goes back with its end cut off, where somebody reads into all of what comes out: the next reads less, or nothing. Right is to make it as
// long as it can be, after the Get or before the Put.
//
//	n, err := conn.Read(*bp)
//	*bp = (*bp)[:n]
//	pool.Put(bp) // wrong: without *bp = (*bp)[:cap(*bp)]
//
// A variable that is the pool of two types has Gets that panic: each Put of a value that one of them cannot take is reported; of a field where its New, of which
// there is one, makes what that Get wants.
//
// A slice that an exported function is given is its user's, and no buffer of gRPC with a pool:
//
//	return mem.NewBuffer(&data, mem.DefaultBufferPool()) // wrong: mem.SliceBuffer(data)
//
// A pool that makes values of one size relies on getting that size back. An oversize value, made because the pool's
// were too small, must not go there, and neither may a smaller one:
//
//	img := images.Get().(*image.RGBA) // all 640x480
//	if w > 640 || h > 480 {
//		img = image.NewRGBA(image.Rect(0, 0, w, h))
//	}
//	defer images.Put(img) // wrong: a later image has the wrong size
//
// Right is to look at the size before the Put. Any comparison of the value's len, cap, Len, Cap, Size or Bounds in the
// function counts as one. Nor does it matter where everybody who gets a value asks how large it is, or appends to it from its beginning.
//
// A pool of buffers that grow keeps the largest ever put back, for as long as it is used (golang/go#23199). Whether that matters
// depends on what is written to them, so the flag -putshape.bound asks for it: where no Put of such a pool looks at the size,
// the first of them is reported. To grow is to be a *bytes.Buffer, or a *[]byte of a pool
// whose package appends to what it got from there.
//
//	if buf.Cap() <= 64<<10 { // right
//		bufPool.Put(buf)
//	}
package putshape

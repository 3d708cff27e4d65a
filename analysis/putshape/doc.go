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
// function counts as one.
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

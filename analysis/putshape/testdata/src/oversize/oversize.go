// Package oversize puts what was made because the pool's values were too small into the pool of those.
package oversize

import (
	"image"
	"io"
	"sync"
)

const width, height = 640, 480

var images = sync.Pool{New: func() any { return image.NewRGBA(image.Rect(0, 0, width, height)) }}

var chunks = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

type encoder struct{ pool sync.Pool }

func newEncoder() *encoder {
	return &encoder{pool: sync.Pool{New: func() any { return new([1024]byte) }}}
}

// Wrong.

func draw(w, h int, f func(*image.RGBA)) {
	img := images.Get().(*image.RGBA)
	if w > width || h > height {
		img = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	f(img)
	images.Put(img) // want `images makes values of one size, but may be given one of another \(made in line 30\): a later Get gets it`
}

func read(n int, f func([]byte)) {
	bp := chunks.Get().(*[]byte)
	if n > len(*bp) {
		b := make([]byte, n)
		bp = &b
	}
	f(*bp)
	chunks.Put(bp) // want `chunks makes values of one size`
}

// Who gets a chunk here reads all of it, of whatever size it is.
func chunk(r io.Reader) (byte, error) {
	bp := chunks.Get().(*[]byte)
	defer chunks.Put(bp)
	_, err := io.ReadFull(r, *bp)
	return (*bp)[0], err
}

func getImage(w, h int) *image.RGBA {
	if w > width || h > height {
		return image.NewRGBA(image.Rect(0, 0, w, h))
	}
	return images.Get().(*image.RGBA)
}

func putImage(img *image.RGBA) {
	images.Put(img) // want `images makes values of one size`
}

func render(w, h int, f func(*image.RGBA)) {
	img := getImage(w, h)
	defer putImage(img)
	f(img)
}

// Right.

func (e *encoder) fixed(f func([]byte)) {
	b := e.pool.Get().(*[1024]byte)
	f(b[:])
	e.pool.Put(b)
}

var checked = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

func readChecked(n int, f func([]byte)) {
	bp := checked.Get().(*[]byte)
	if n > len(*bp) {
		b := make([]byte, n)
		bp = &b
	}
	f(*bp)
	if cap(*bp) == 4096 {
		checked.Put(bp)
	}
}

func readSeparately(n int, f func([]byte)) {
	if n > 4096 {
		f(make([]byte, n))
		return
	}
	bp := checked.Get().(*[]byte)
	f((*bp)[:n])
	checked.Put(bp)
}

var anySize = sync.Pool{New: func() any { return new([]byte) }}

func readAny(n int, f func([]byte)) {
	bp := anySize.Get().(*[]byte)
	if n > cap(*bp) {
		b := make([]byte, n)
		bp = &b
	}
	f((*bp)[:n])
	anySize.Put(bp)
}

// Right: each Get looks at the capacity of what it gets.

var stacks = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

func stack(n int, f func([]byte) int) []byte {
	bp := stacks.Get().(*[]byte)
	if cap(*bp) < n {
		b := make([]byte, n)
		bp = &b
	}
	out := append([]byte(nil), (*bp)[:f((*bp)[:n])]...)
	stacks.Put(bp)
	return out
}

// Right: each Get looks at the length of what it gets, or appends to it from its beginning.

var messages = sync.Pool{New: func() any {
	b := make([]byte, 64)
	return &b
}}

type message struct{ data []byte }

func send(w io.Writer, encode func(*message)) error {
	data := messages.Get().(*[]byte)
	msg := message{data: (*data)[:0]}
	encode(&msg)
	_, err := w.Write(msg.data)
	messages.Put(&msg.data)
	return err
}

func receive(r io.Reader, n int, decode func(message)) error {
	var msg message
	get := func(size int) *[]byte {
		datap := messages.Get().(*[]byte)
		data := *datap
		if size > len(data) {
			data = make([]byte, size)
			datap = &data
		} else {
			data = data[:size]
		}
		msg = message{data: data}
		return datap
	}
	if n > 0 {
		datap := get(n)
		defer messages.Put(datap)
	}
	_, err := io.ReadFull(r, msg.data)
	decode(msg)
	return err
}

var texts = sync.Pool{New: func() any {
	b := make([]byte, 0, 1024)
	return &b
}}

func GetText() []byte { return (*texts.Get().(*[]byte))[:0] }

func PutText(text []byte) {
	b := make([]byte, 0, cap(text))
	texts.Put(&b)
}

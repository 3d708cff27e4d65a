package escape

import (
	"bytes"
	"sync"
	"time"
)

func scheduled(at func(func())) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	at(func() { println(buf.Len()) }) // want `stays in a function that may run later`
}

func timed() {
	buf := bufs.Get().(*bytes.Buffer)
	time.AfterFunc(time.Second, func() { println(buf.Len()) }) // want `stays in a function that may run later`
	bufs.Put(buf)
}

// Each calls the closure at once: it takes more, or returns something.

func visited(each func(func(string) bool)) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	each(func(s string) bool { buf.WriteString(s); return true })
}

func tried(try func(func() error) error) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return try(func() error { return buf.WriteByte(1) })
}

func scheduledAndAwaited(at func(func())) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	var wg sync.WaitGroup
	wg.Add(1)
	at(func() { defer wg.Done(); println(buf.Len()) })
	wg.Wait()
}

func scheduledWithAnother(at func(func())) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	n := buf.Len()
	at(func() { println(n) })
}

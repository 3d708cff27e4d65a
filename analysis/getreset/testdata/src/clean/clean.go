// Package clean resets on the way back, or in its wrappers.
package clean

import (
	"bytes"
	"sync"
)

var onPut = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func direct(s string) {
	buf := onPut.Get().(*bytes.Buffer)
	buf.WriteString(s)
	buf.Reset()
	onPut.Put(buf)
}

func closure(s string) {
	buf := onPut.Get().(*bytes.Buffer)
	defer func() {
		buf.Reset()
		onPut.Put(buf)
	}()
	buf.WriteString(s)
}

var inPut = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func put(buf *bytes.Buffer) {
	buf.Reset()
	inPut.Put(buf)
}

func byWrapper(s string) {
	buf := inPut.Get().(*bytes.Buffer)
	defer put(buf)
	buf.WriteString(s)
}

var inGet = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func get() *bytes.Buffer {
	buf := inGet.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

func byGet(s string) {
	buf := get()
	buf.WriteString(s)
	inGet.Put(buf)
}

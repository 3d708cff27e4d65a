package resets

import (
	"io"
	"sync"
)

// result is what a function of which nothing is known writes to: each user resets it first, and a defer puts it back as it is.
type result interface {
	io.Writer
	Reset()
}

var results = sync.Pool{}

var execute func(result)

func executed() {
	r := results.Get().(result)
	r.Reset()
	defer results.Put(r)
	execute(r)
}

func executedAsItWas() {
	r := results.Get().(result) // want `r from results.Get is used in line \d+ without Reset`
	defer results.Put(r)
	execute(r)
}

// Package vendored has the package of its pool in its own folder.
package vendored

import (
	"github.com/oxtoacart/bpool"
	"github.com/valyala/fasthttp"
)

var pool *bpool.BufferPool

// Wrong.

func marshal() ([]byte, error) { // centrifugal/centrifugo#95
	buf := pool.Get()
	defer pool.Put(buf)
	buf.WriteString("{}")
	return buf.Bytes(), nil // want `marshal returns memory that goes back to the pool`
}

func body(fetch func(*fasthttp.Response) error) ([]byte, error) {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	if err := fetch(resp); err != nil {
		return nil, err
	}
	return resp.Body(), nil // want `body returns memory that goes back to the pool`
}

// Right.

func copied(fetch func(*fasthttp.Response) error) ([]byte, error) {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	if err := fetch(resp); err != nil {
		return nil, err
	}
	return append([]byte(nil), resp.Body()...), nil
}

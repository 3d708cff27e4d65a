// Package fasthttp has the shape of github.com/valyala/fasthttp.
package fasthttp

type Response struct{ body []byte }

func (r *Response) Body() []byte { return r.body }

func AcquireResponse() *Response { return new(Response) }

func ReleaseResponse(*Response) {}

package pooling

import (
	"github.com/valyala/bytebufferpool"

	"github.com/steadyframe/steadyframe/pool"
)

// lease is a buffer that a lender has lent. It is one struct for all options, so that lending allocates nothing but what
// the option itself does.
type lease struct {
	b    []byte // the borrower's; an encoder that needs more room puts a longer one here
	kind kind

	// What the option needs to know the buffer again: at most one of these.
	buf     pool.Buf
	pointer *[]byte
	buffer  *bytebufferpool.ByteBuffer
}

// lender lends the buffers of one request's batches, one batch after the other. The buffers of a batch are lent after begin,
// and all put back before end. get and put may be called from any number of goroutines in between.
type lender interface {
	begin()
	get(k kind) lease // of need.sizes[k] bytes of any content
	put(l lease)
	end()
}

// need is what a run will ask of an option.
type need struct {
	sizes    [kinds]int // bytes of a buffer; 0: there are none of this kind
	perBatch [kinds]int // buffers that a batch asks for
	atOnce   [kinds]int // buffers lent at any time, at most, by all requests together
}

// Option is a place where buffers come from.
type Option struct {
	Name  string
	About string // a few words, for a reader
	ours  bool
	keeps bool // keeps all that is put back, so that it need not make what it lends
	holds int  // buffers of each size that it keeps from the collector when nothing is lent: at most so many, and of those that come

	// lenders returns a function that makes the lender of one request, which share what the option shares.
	lenders func(n need) func() lender
}

// batchless is the part of a lender to which batches are nothing.
type batchless struct{}

func (batchless) begin() {}
func (batchless) end()   {}

// shared returns what Option.lenders does where all requests have one lender.
func shared(l lender) func() lender { return func() lender { return l } }

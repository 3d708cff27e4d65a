package load

import (
	"context"
	"time"

	"github.com/steadyframe/steadyframe/client"
)

// link is a connection to a server.
type link interface {
	// send sends a batch. It waits as long as the transport does, and not for the response: that goes to the link's receiver,
	// like whatever else becomes of the batch, from any goroutine and even before send returns. One goroutine sends.
	send(c *call)
	// close waits for the responses to all that was sent, and ends the connection.
	close()
}

// call is a batch on its way.
type call struct {
	n      int
	warm   bool // it comes before the clock starts
	id     uint64
	frames [][]byte
	images []sceneImage // of a scene: one for each frame
	due    time.Time
	sent   time.Time     // when sending began
	slot   chan struct{} // holds a place for it while it is on its way; nil for a warm one
	done   chan<- *Error // of a warm one: gets what became of it, nil for a response
}

// sceneImage is an image of a scene.
type sceneImage struct {
	index  int
	silent bool // it has no region
}

// receiver gets what becomes of the batches of links. Its methods may be called from any goroutine.
type receiver interface {
	answered(c *call, images []client.Image) // images are lent
	failed(c *call, err *Error)
	found(kind findingKind, text string)
}

// linkOptions are what a link needs to know.
type linkOptions struct {
	*Options
	target   *target
	receiver receiver
	using    context.Context // its end fails all that is on its way
}

// open returns a link. It does not wait for the server.
func (o linkOptions) open() (link, error) {
	if o.target.via == HTTP {
		return newHTTPLink(o), nil
	}
	return newGRPCLink(o)
}

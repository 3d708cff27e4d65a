package stream

import (
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// Picture is one JPEG of a stream. Who is given one by a Viewer releases it.
type Picture struct {
	Buf           pool.Buf  // the JPEG, shared by all who hold the picture: read only
	Size          int       // of the JPEG in bytes, also after Release; set by Publish
	Seq           uint64    // of the stream, from 1, one for each different picture; set by Publish
	Captured      time.Time // when its frame came in, or the last frame that looked the same; set by Publish when zero
	Encoded       time.Time // when the picture was made; set by Publish when zero
	Width, Height int       // 0 when unknown
	Offline       bool      // it stands for a lost source
	Repeat        bool      // this viewer was given it before
}

// Release gives p's holding of the JPEG back. p's other fields stay.
func (p *Picture) Release() {
	p.Buf.Release()
	p.Buf = pool.Buf{}
}

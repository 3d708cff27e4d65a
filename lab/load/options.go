package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
)

// Options say what load to put on which server. Zero values of those that say so are replaced.
type Options struct {
	Target string      // host:port, unix:/path, http://host:port, https://host, ring:/path or ring: for where a server listens by default
	Via    Via         // 0: as Target says
	Token  string      // what the server wants, if anything
	TLS    *tls.Config // of https, and of gRPC; nil: the system's authorities are trusted, and gRPC is plain
	Admin  string      // of the server's admin listener: host:port, unix:/path or http://host:port; empty: it is not asked

	Width, Height       int // of the frames, bgr24
	OutWidth, OutHeight int // of the images; 0: as the frames
	Quality             int // of the images; 0: the server's

	// Scene is one that the server has; empty: none. Frames are then regions of its images, and the images are as it was loaded.
	// A connection is a session: the index of its images goes up by one.
	Scene   string
	Silence float64 // of a scene, the part of the images that have no region, 0 to 1

	Rate        float64       // frames a second, of all connections together
	Batch       int           // frames in each
	Connections int           // 0: 1
	Outstanding int           // batches of a connection that are sent and not answered, at most; 0: 16
	Requests    int           // batches to send; 0: any number
	Duration    time.Duration // no batch is due later than this after the first; 0: until Requests, or the context's end
	Timeout     time.Duration // for a response, from when its batch is sent; 0: 10 s

	Verify bool // each image must be that of its frame; for frames without a Source
	Warm   bool // send each frame once, and over each connection, before the clock starts; for frames without a Source

	Source   Source                // of the frames; nil: frames that carry their numbers, rendered by New
	Answered func(*Response) error // called with each response, one at a time; an error ends the run. May be nil
	Second   func(Progress)        // called once a second; may be nil
}

// Via is how frames travel.
type Via uint8

// The ways.
const (
	GRPC Via = iota + 1 // FrameService.EncodeStream, one stream a connection
	HTTP                // POST /v1/encode, one request a batch
	Ring                // shared memory with a server on this machine
)

var viaNames = [...]string{"", "grpc", "http", "ring"}

// String returns grpc, http or ring.
func (v Via) String() string {
	if int(v) < len(viaNames) {
		return viaNames[v]
	}
	return fmt.Sprintf("Via(%d)", uint8(v))
}

// UnmarshalText takes grpc, http or ring.
func (v *Via) UnmarshalText(text []byte) error {
	for i, name := range viaNames {
		if i > 0 && name == string(text) {
			*v = Via(i)
			return nil
		}
	}
	return fmt.Errorf("got %q, want grpc, http or ring", text)
}

// Source makes the frames of a load.
type Source interface {
	// Batch returns the frames of batch n, counted from 0, tightly packed. They stay as they are until Done. It is called
	// before the batch is due, by the goroutine of its connection, and may wait. With the end of ctx it returns an error.
	Batch(ctx context.Context, n int) ([][]byte, error)
	// Done says that batch n is over: its response came, or will not come.
	Done(n int)
}

// Response is the outcome of a batch.
type Response struct {
	Batch   int            // counted from 0
	Frames  int            // that it had
	Latency time.Duration  // from when it was due
	Images  []client.Image // lent until Answered returns; one for each frame, unless the server has erred
	Err     error          // why there are none; nil when there are
}

// OptionError is an invalid option.
type OptionError struct {
	Option string // its name on the command line, without dashes: "rate"
	Reason string // "got 0, want more than 0"
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

func optionErrorf(option, format string, args ...any) *OptionError {
	return &OptionError{option, fmt.Sprintf(format, args...)}
}

// Limits of a load: far beyond what servers take, and less than what takes a machine down.
const (
	maxBatchFrames = 4096
	maxBatchBytes  = 1 << 30
	maxRate        = 1e6 // frames a second
)

// The defaults.
const (
	defaultOutstanding = 16
	defaultTimeout     = 10 * time.Second
)

// complete returns o with defaults in the place of zero values, or what is wrong with it, an *OptionError.
func (o Options) complete() (Options, error) {
	if o.Connections == 0 {
		o.Connections = 1
	}
	if o.Outstanding == 0 {
		o.Outstanding = defaultOutstanding
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.OutWidth == 0 && o.OutHeight == 0 {
		o.OutWidth, o.OutHeight = o.Width, o.Height
	}
	if err := o.checkFrames(); err != nil {
		return o, err
	}
	switch {
	case !(o.Silence >= 0 && o.Silence <= 1):
		return o, optionErrorf("silence", "got %v, want a part of the images, 0 to 1", o.Silence)
	case o.Silence > 0 && o.Scene == "":
		return o, optionErrorf("silence", "got %v, want it with a scene", o.Silence)
	case !(o.Rate > 0 && o.Rate <= maxRate): // also what is no number
		return o, optionErrorf("rate", "got %v, want more than 0 frames a second, and at most %v", o.Rate, maxRate)
	case o.Connections < 1 || o.Connections > 10_000:
		return o, optionErrorf("connections", "got %d, want 1 to 10000", o.Connections)
	case o.Outstanding < 1 || o.Outstanding > 10_000:
		return o, optionErrorf("outstanding", "got %d, want 1 to 10000", o.Outstanding)
	case o.Requests < 0:
		return o, optionErrorf("requests", "got %d, want 1 or more", o.Requests)
	case o.Duration < 0:
		return o, optionErrorf("duration", "got %v, want more than 0", o.Duration)
	case o.Timeout < 0:
		return o, optionErrorf("timeout", "got %v, want more than 0", o.Timeout)
	}
	return o, nil
}

// checkFrames looks at what the frames and images are.
func (o *Options) checkFrames() error {
	size, err := o.desc().Size()
	if err != nil {
		return optionErrorf("size", "%v", err)
	}
	if most := min(max(maxBatchBytes/size, 1), maxBatchFrames); o.Batch < 1 || o.Batch > most {
		return optionErrorf("batch", "a batch of %d frames of %d bytes: want 1 to %d frames", o.Batch, size, most)
	}
	switch {
	case o.OutWidth < 1 || o.OutHeight < 1:
		return optionErrorf("resize", "got %dx%d, want both sides", o.OutWidth, o.OutHeight)
	case o.Quality < 0 || o.Quality > 100:
		return optionErrorf("quality", "got %d, want 1 to 100", o.Quality)
	}
	return nil
}

// desc returns what the frames are.
func (o *Options) desc() frame.Desc {
	return frame.Desc{Format: frame.BGR24, Width: o.Width, Height: o.Height}
}

// interval returns the time from one batch to the next.
func (o *Options) interval() time.Duration { return o.due(1) }

// halfInterval returns how long after a batch a second ends, so that each has as many.
func (o *Options) halfInterval() time.Duration { return min(o.interval()/2, time.Second/2) }

// due returns when batch n is due, counted from batch 0. It is exact however long a load lasts.
func (o *Options) due(n int) time.Duration {
	return time.Duration(float64(n) * float64(o.Batch) / o.Rate * float64(time.Second))
}

// ends reports whether the load ends before batch n.
func (o *Options) ends(n int) bool {
	return o.Requests > 0 && n >= o.Requests || n > 0 && o.Duration > 0 && o.due(n) >= o.Duration
}

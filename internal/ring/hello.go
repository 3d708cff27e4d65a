package ring

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/pipeline"
)

// Use is what a connection is for.
type Use string

// The uses.
const (
	Encode  Use = "encode"
	Publish Use = "publish"
	Watch   Use = "watch"
)

// Hello is the JSON of a HELLO. Zero values stand for defaults.
type Hello struct {
	Use       Use           `json:"use"`
	Slots     int           `json:"slots,omitzero"`
	Batch     int           `json:"batch,omitzero"` // frames that a slot has room for
	Spec      pipeline.Spec `json:"spec,omitzero"`
	JPEGBytes int           `json:"jpeg_bytes,omitzero"` // the largest JPEG, where those are published
	Stream    string        `json:"stream,omitzero"`
	FPS       float64       `json:"fps,omitzero"`
	Client    string        `json:"client,omitzero"` // for people
}

// maxClient is the most characters of Hello.Client.
const maxClient = 64

// ParseHello returns the Hello of a payload, with defaults in place of zeros. The Spec is not checked.
func ParseHello(payload []byte) (Hello, error) {
	var h Hello
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return Hello{}, fmt.Errorf("ring: hello: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Hello{}, fmt.Errorf("ring: hello: got more after the JSON object, want nothing")
	}
	return h, h.complete()
}

// complete sets defaults and checks what has bounds of its own.
func (h *Hello) complete() error {
	slots := 0
	switch h.Use {
	case Encode:
		slots = 4
	case Publish:
		slots = 3
	case Watch:
		slots = 2
	default:
		return fmt.Errorf("ring: use: got %.40q, want encode, publish or watch", h.Use)
	}
	h.Slots, h.Batch, h.JPEGBytes = cmp.Or(h.Slots, slots), cmp.Or(h.Batch, 1), cmp.Or(h.JPEGBytes, 1<<20)
	switch {
	case h.Slots < 1 || h.Slots > MaxSlots:
		return fmt.Errorf("ring: slots: got %d, want 1..%d", h.Slots, MaxSlots)
	case h.Batch < 1:
		return fmt.Errorf("ring: batch: got %d, want 1 or more", h.Batch)
	case h.Batch > 1 && h.Use != Encode:
		return fmt.Errorf("ring: batch: got %d, want none with use %s", h.Batch, h.Use)
	case h.JPEGBytes < 1:
		return fmt.Errorf("ring: jpeg_bytes: got %d, want 1 or more", h.JPEGBytes)
	case h.Use != Encode && h.Stream == "":
		return fmt.Errorf("ring: stream: got none, want the name of a stream")
	case h.Use == Encode && h.Stream != "":
		return fmt.Errorf("ring: stream: got %.40q, want none with use encode", h.Stream)
	case len(h.Client) > maxClient:
		return fmt.Errorf("ring: name of the client: got %d bytes, want at most %d", len(h.Client), maxClient)
	}
	return nil
}

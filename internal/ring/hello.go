package ring

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

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
	Batch     int           `json:"batch,omitzero"` // frames that a slot has room for; of a scene, regions of an image
	Spec      pipeline.Spec `json:"spec,omitzero"`
	JPEGBytes int           `json:"jpeg_bytes,omitzero"` // the largest JPEG, where those are published
	Stream    string        `json:"stream,omitzero"`
	FPS       float64       `json:"fps,omitzero"`
	Client    string        `json:"client,omitzero"` // for people
}

// maxClient is the most characters of Hello.Client.
const maxClient = 64

// HelloError says what is wrong with a hello.
type HelloError struct {
	Field  string // the way to it, without "spec.", as the other ways in name it; "" when it is no JSON
	Reason string // "got 0, want 1..64"
	Err    error  // what it comes from; may be nil
}

func (e *HelloError) Error() string {
	if e.Field == "" {
		return "ring: hello: " + e.Reason
	}
	return "ring: " + e.Field + ": " + e.Reason
}

// Unwrap returns the error that e comes from.
func (e *HelloError) Unwrap() error { return e.Err }

func wrong(field, format string, args ...any) error {
	return &HelloError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// ParseHello returns the Hello of a payload, with defaults in place of zeros. The Spec is not checked. The error is a *HelloError.
func ParseHello(payload []byte) (Hello, error) {
	var h Hello
	d := json.NewDecoder(bytes.NewReader(payload))
	if err := decode(d, &h); err != nil {
		field, err := wrongField(payload, nil, err)
		reason := err.Error()
		if other := (*json.UnmarshalTypeError)(nil); errors.As(err, &other) {
			reason = fmt.Sprintf("got JSON %s, want %s", other.Value, wanted(other.Type))
		}
		return Hello{}, &HelloError{Field: strings.TrimPrefix(strings.Join(field, "."), "spec."), Reason: reason, Err: err}
	}
	if _, err := d.Token(); err != io.EOF {
		return Hello{}, wrong("", "got more after the JSON object, want nothing")
	}
	return h, h.complete()
}

// wanted returns what JSON has for a Go type.
func wanted(t reflect.Type) string {
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Struct:
		return "an object"
	case t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

func decode(d *json.Decoder, h *Hello) error {
	d.DisallowUnknownFields()
	return d.Decode(h)
}

// maxDepth is how deep names of a Hello lie.
const maxDepth = 3

// wrongField returns where in value, which lies at path in a hello, what cannot be decoded is, and why; path and err, if it is not
// known better. encoding/json does not say it of types that decode themselves.
func wrongField(value json.RawMessage, path []string, err error) ([]string, error) {
	var members map[string]json.RawMessage
	if len(path) == maxDepth || json.Unmarshal(value, &members) != nil {
		return path, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		inner := append(slices.Clone(path), name)
		if err := decodeAt(inner, json.RawMessage("null")); err != nil {
			return inner, err // There is no such name.
		}
		if err := decodeAt(inner, members[name]); err != nil {
			return wrongField(members[name], inner, err)
		}
	}
	return path, err
}

// decodeAt returns the error of a hello that has value at path and nothing else.
func decodeAt(path []string, value json.RawMessage) error {
	for _, name := range slices.Backward(path) {
		var err error
		if value, err = json.Marshal(map[string]json.RawMessage{name: value}); err != nil {
			return err
		}
	}
	return decode(json.NewDecoder(bytes.NewReader(value)), new(Hello))
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
		return wrong("use", "got %.40q, want encode, publish or watch", h.Use)
	}
	h.Slots, h.Batch, h.JPEGBytes = cmp.Or(h.Slots, slots), cmp.Or(h.Batch, 1), cmp.Or(h.JPEGBytes, 1<<20)
	switch {
	case h.Slots < 1 || h.Slots > MaxSlots:
		return wrong("slots", "got %d, want 1..%d", h.Slots, MaxSlots)
	case h.Batch < 1:
		return wrong("batch", "got %d, want 1 or more", h.Batch)
	case h.Batch > MaxRegions && h.Spec.Scene != "":
		return wrong("batch", "got %d, want 1..%d with a scene, as many as regions of an image", h.Batch, MaxRegions)
	case h.Batch > 1 && h.Use != Encode && h.Spec.Scene == "":
		return wrong("batch", "got %d, want none with use %s", h.Batch, h.Use)
	case h.JPEGBytes < 1:
		return wrong("jpeg_bytes", "got %d, want 1 or more", h.JPEGBytes)
	case h.Use != Encode && h.Stream == "":
		return wrong("stream", "got none, want the name of a stream")
	case h.Use == Encode && h.Stream != "":
		return wrong("stream", "got %.40q, want none with use encode", h.Stream)
	case len(h.Client) > maxClient:
		return wrong("client", "name of the client: got %d bytes, want at most %d", len(h.Client), maxClient)
	}
	return nil
}

package sound

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/steadyframe/steadyframe/mel"
)

// Array is an array of float32 that is made row by row while it is written, so that it needs no memory of its own.
type Array struct {
	Shape []int // two or three sizes; the first is how many rows there are
	row   func(dst []float32, i int) []float32
}

// ByFrames returns features as [frames][bands].
func ByFrames(features []float32, bands int) Array {
	return Array{[]int{len(features) / bands, bands}, func(dst []float32, i int) []float32 {
		return append(dst, features[i*bands:(i+1)*bands]...)
	}}
}

// ByBands returns features, which lie frame by frame, as [bands][frames].
func ByBands(features []float32, bands int) Array {
	frames := len(features) / bands
	return Array{[]int{bands, frames}, func(dst []float32, i int) []float32 {
		for f := range frames {
			dst = append(dst, features[f*bands+i])
		}
		return dst
	}}
}

// ByWindows returns the windows of features for the video frames that the sound covers, as [video frames][bands][frames], where
// each window has that many frames.
func ByWindows(features []float32, bands, frames int, w mel.Windows) Array {
	return Array{[]int{w.Count(len(features) / bands), bands, frames}, func(dst []float32, i int) []float32 {
		return w.Append(dst, features, i)
	}}
}

// Bytes returns the size of the data of a.
func (a Array) Bytes() int64 {
	n := int64(4)
	for _, d := range a.Shape {
		n *= int64(d)
	}
	return n
}

// Put writes the data of a to dst, which has a.Bytes() bytes, as little-endian float32.
func (a Array) Put(dst []byte) {
	var row []float32
	for i := range a.Shape[0] {
		row = a.row(row[:0], i)
		for _, v := range row {
			binary.LittleEndian.PutUint32(dst, math.Float32bits(v))
			dst = dst[4:]
		}
	}
}

// Form is how an Array is written.
type Form uint8

// The forms.
const (
	NPY  Form = iota // numpy's file format
	Raw              // float32, little-endian, without anything before it
	JSON             // nested arrays
)

var formNames = [...]string{NPY: "npy", Raw: "f32", JSON: "json"}

// String returns the name of f.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("Form(%d)", uint8(f))
}

// UnmarshalText sets f to the form of that name: npy, f32 or json.
func (f *Form) UnmarshalText(text []byte) error {
	for i, name := range formNames {
		if string(text) == name {
			*f = Form(i)
			return nil
		}
	}
	return fmt.Errorf("got %.40q, want npy, f32 or json", text)
}

// Size returns how many bytes WriteTo writes, -1 for JSON, where it is not known before.
func (a Array) Size(f Form) int64 {
	switch f {
	case NPY:
		return int64(len(AppendNPYHeader(nil, a.Shape...))) + a.Bytes()
	case Raw:
		return a.Bytes()
	}
	return -1
}

// pieceBytes are written at a time, about.
const pieceBytes = 64 << 10

// Write writes a to w in pieces. It retries nothing: the first error ends it.
func (a Array) Write(w io.Writer, f Form) error {
	p := make([]byte, 0, pieceBytes+pieceBytes/4)
	var row []float32
	switch f {
	case NPY:
		p = AppendNPYHeader(p, a.Shape...)
	case JSON:
		p = append(p, '[')
	}
	for i := range a.Shape[0] {
		row = a.row(row[:0], i)
		if f == JSON && i > 0 {
			p = append(p, ',')
		}
		inner := len(row) // values of an innermost array
		if f == JSON && len(a.Shape) == 3 {
			p = append(p, '[')
			inner = a.Shape[2]
		}
		for at := 0; at < len(row) || at == 0 && f == JSON; at += max(inner, 1) {
			if f == JSON && at > 0 {
				p = append(p, ',')
			}
			p = appendValues(p, row[at:at+inner], f)
			if len(p) >= pieceBytes {
				if _, err := w.Write(p); err != nil {
					return err
				}
				p = p[:0]
			}
		}
		if f == JSON && len(a.Shape) == 3 {
			p = append(p, ']')
		}
	}
	if f == JSON {
		p = append(p, "]\n"...)
	}
	_, err := w.Write(p)
	return err
}

// appendValues appends values, in JSON as an array.
func appendValues(p []byte, values []float32, f Form) []byte {
	if f != JSON {
		for _, v := range values {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(v))
		}
		return p
	}
	p = append(p, '[')
	for i, v := range values {
		if i > 0 {
			p = append(p, ',')
		}
		p = strconv.AppendFloat(p, float64(v), 'g', -1, 32)
	}
	return append(p, ']')
}

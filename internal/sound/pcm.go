// Package sound reads and describes sound: PCM of the usual encodings, WAV, and arrays of features as numpy stores them.
package sound

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Encoding is how one sample is stored. All are little-endian.
type Encoding uint8

// The encodings.
const (
	S16 Encoding = iota // signed 16 bits; full scale is 2^15
	U8                  // unsigned 8 bits, 128 is zero
	S24                 // signed 24 bits in 3 bytes
	S32                 // signed 32 bits
	F32                 // float32, full scale is 1
	F64                 // float64, full scale is 1
)

// encodings are their names, as ffmpeg has them, and their bytes.
var encodings = [...]struct {
	name  string
	bytes int
}{S16: {"s16le", 2}, U8: {"u8", 1}, S24: {"s24le", 3}, S32: {"s32le", 4}, F32: {"f32le", 4}, F64: {"f64le", 8}}

// String returns the name of e.
func (e Encoding) String() string {
	if int(e) < len(encodings) {
		return encodings[e].name
	}
	return fmt.Sprintf("Encoding(%d)", uint8(e))
}

// UnmarshalText sets e to the encoding of that name: ffmpeg's, such as s16le, or the same without "le".
func (e *Encoding) UnmarshalText(text []byte) error {
	for i, known := range encodings {
		if s := string(text); s == known.name || s+"le" == known.name {
			*e = Encoding(i)
			return nil
		}
	}
	return fmt.Errorf("got %.40q, want s16le, u8, s24le, s32le, f32le or f64le", text)
}

// MarshalText returns the name of e.
func (e Encoding) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// MaxChannels is the largest number of channels.
const MaxChannels = 64

// Format describes PCM: samples of all channels, one moment after the other.
type Format struct {
	Encoding Encoding
	Channels int // 1..MaxChannels
	Rate     int // moments a second
}

// MomentBytes returns the bytes of a sample of each channel.
func (f Format) MomentBytes() int { return encodings[f.Encoding].bytes * f.Channels }

// AppendMono appends the mean of the channels, with 1 as full scale, for each whole moment in p.
func (f Format) AppendMono(dst []float32, p []byte) []float32 {
	size := encodings[f.Encoding].bytes
	for ; len(p) >= size*f.Channels; p = p[size*f.Channels:] {
		var sum float64
		for c := range f.Channels {
			sum += f.Encoding.sample(p[c*size:])
		}
		dst = append(dst, float32(sum/float64(f.Channels)))
	}
	return dst
}

// AppendS16 appends each whole moment in p as signed 16-bit samples, little-endian: of one or two channels as they are, of more the
// mean of all. What is beyond full scale is cut, and NaN is 0.
func (f Format) AppendS16(dst, p []byte) []byte {
	size := encodings[f.Encoding].bytes
	if f.Encoding == S16 && f.Channels <= 2 {
		return append(dst, p[:len(p)/f.MomentBytes()*f.MomentBytes()]...)
	}
	out := 1
	if f.Channels == 2 {
		out = 2
	}
	for ; len(p) >= size*f.Channels; p = p[size*f.Channels:] {
		var sums [2]float64
		for c := range f.Channels {
			sums[c%out] += f.Encoding.sample(p[c*size:])
		}
		for _, sum := range sums[:out] {
			v := math.Round(sum / float64(f.Channels/out) * (1 << 15))
			if v != v {
				v = 0
			}
			dst = binary.LittleEndian.AppendUint16(dst, uint16(int16(min(max(v, -1<<15), 1<<15-1))))
		}
	}
	return dst
}

// sample returns the sample that p begins with.
func (e Encoding) sample(p []byte) float64 {
	switch e {
	case U8:
		return (float64(p[0]) - 128) / (1 << 7)
	case S24:
		return float64(int32(uint32(p[0])<<8|uint32(p[1])<<16|uint32(p[2])<<24)) / (1 << 31)
	case S32:
		return float64(int32(binary.LittleEndian.Uint32(p))) / (1 << 31)
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	}
	return float64(int16(binary.LittleEndian.Uint16(p))) / (1 << 15)
}

package main

import (
	"encoding/binary"
	"math"
)

// planesOfFloats returns planes of float32, 0..1, of packed pixels of three bytes, in the order of their channels.
func planesOfFloats(packed []byte) []byte {
	n := len(packed) / 3
	out := make([]byte, 12*n)
	for i, v := range packed {
		at := i%3*n + i/3
		binary.LittleEndian.PutUint32(out[4*at:], math.Float32bits(float32(v)/255))
	}
	return out
}

// packedOfFloats writes to dst, packed pixels of three bytes, what planes of float32 hold, and returns it.
func packedOfFloats(dst, planes []byte) []byte {
	n := len(planes) / 12
	dst = dst[:3*n]
	for c := range 3 {
		plane := planes[4*n*c:][:4*n]
		for i := range n {
			v := math.Float32frombits(binary.LittleEndian.Uint32(plane[4*i:]))
			dst[3*i+c] = uint8(min(max(v*255+0.5, 0), 255))
		}
	}
	return dst
}

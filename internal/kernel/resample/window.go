package resample

import "unsafe"

// Room is what the capacity of rows that are written in whole vectors is a multiple of, in samples.
const Room = 32

// RoomFor returns n rounded up to a multiple of Room.
func RoomFor(n int) int { return (n + Room - 1) / Room * Room }

// Blend is a Tap of a row of bytes as vectors take it: the offsets of two samples, and weights that add up to 128. None of
// them is above 127, so that they fit a signed byte: a sample that counts alone is there twice.
type Blend struct {
	Offsets [2]int
	Weights [2]int8
}

// Blend returns t for a row of so many bytes, whose samples are step bytes apart.
func (t Tap) Blend(bytes, step int) Blend {
	first := int(t.Offset)
	second := first + step
	switch {
	case t.Weight == 0 || second >= bytes:
		second = first
	case t.Weight == 128:
		first = second
	default:
		return Blend{[2]int{first, second}, [2]int8{int8(128 - t.Weight), int8(t.Weight)}}
	}
	return Blend{[2]int{first, second}, [2]int8{64, 64}}
}

// Window returns the offset of size bytes of a row that hold all bytes of the blends, width at each of their offsets; false
// when there is no such window inside the row's bytes.
func Window(bytes, size, width int, blends ...Blend) (offset int, found bool) {
	low, high := bytes, 0
	for _, b := range blends {
		for _, o := range b.Offsets {
			low, high = min(low, o), max(high, o+width)
		}
	}
	offset = min(low, bytes-size)
	return offset, offset >= 0 && high-offset <= size
}

// Aligned returns n bytes that begin at a multiple of 64.
func Aligned(n int) []byte {
	const line = 64
	b := make([]byte, n+line)
	from := int(-uintptr(unsafe.Pointer(&b[0])) % line)
	return b[from:][:n:n]
}

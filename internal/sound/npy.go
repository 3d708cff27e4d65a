package sound

import (
	"fmt"
	"strings"
)

// AppendNPYHeader appends what precedes the data of a .npy file of little-endian float32, the last index counting fastest
// (version 1.0 of numpy.lib.format).
func AppendNPYHeader(dst []byte, shape ...int) []byte {
	var dims strings.Builder
	for i, n := range shape {
		if i > 0 {
			dims.WriteByte(' ')
		}
		fmt.Fprintf(&dims, "%d,", n)
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", dims.String())
	const before, align = 10, 64
	padded := (before+len(text)+1+align-1)/align*align - before
	dst = append(dst, "\x93NUMPY\x01\x00"...)
	dst = append(dst, byte(padded), byte(padded>>8))
	dst = append(dst, text...)
	for n := len(text); n < padded-1; n++ {
		dst = append(dst, ' ')
	}
	return append(dst, '\n')
}

// Package jpeg encodes baseline JPEGs (ITU-T T.81) with JFIF headers, from bands of samples, without allocating.
//
// An Encoder takes whole frames and is all that most programs need:
//
//	e, err := jpeg.NewEncoder(d, &jpeg.Options{Quality: 85})
//	...
//	out, err = e.Append(out[:0], f)
//
// Below it is the Coder, which pipelines use: it codes band after band, so that the picture need never exist as a
// whole, and where restart markers allow it, runs of bands can be coded apart and put together as bytes. The life of
// a band:
//
//	samples  ->  DCT, quantization, zig-zag order  ->  symbols  ->  bits  ->  bytes with stuffing  ->  restart markers
//	int16        internal/kernel/dct                   internal/kernel/huff                            this package
//
// A band is coded in strips of some MCUs, so that coefficients and symbols stay in the first-level cache. The Huffman
// tables are the standard ones; the quantization tables are the standard ones under libjpeg's quality scale.
package jpeg

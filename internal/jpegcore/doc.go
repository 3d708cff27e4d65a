// Package jpegcore codes bands of samples as baseline JPEG (ITU-T T.81) with JFIF headers. It is what package jpeg and
// package pipeline have in common.
//
// A Coder codes one band after another, so that the image never exists as a whole in memory. Where restart markers allow
// it, runs of bands can be coded apart; their bytes one after the other are the file. The life of a band:
//
//	samples  ->  DCT, quantization, zig-zag order  ->  symbols  ->  bits  ->  bytes with stuffing  ->  restart markers
//	int16        internal/kernel/dct                   internal/kernel/huff                            this package
//
// A band is coded in strips of some MCUs, so that coefficients and symbols stay in the first-level cache. The Huffman
// tables are the standard ones. The quantization tables are the standard ones under libjpeg's quality scale.
package jpegcore

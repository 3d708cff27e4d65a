// Package jpeg encodes baseline JPEGs (ITU-T T.81) with JFIF headers, without cgo and without allocating.
//
// [Encode] encodes any image.Image and takes the place of image/jpeg's:
//
//	err := jpeg.Encode(w, m, &jpeg.Options{Quality: 85})
//
// An [Encoder] takes frames of one geometry, one after another:
//
//	e, err := jpeg.NewEncoder(d, &jpeg.Options{Quality: 85})
//	...
//	out, err = e.Append(out[:0], f)
//
// Package pipeline encodes batches in parallel, and crops and resizes on the way.
package jpeg

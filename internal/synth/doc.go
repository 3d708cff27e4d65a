// Package synth makes images in code: an animated landscape with the edges, textures, gradients and grain of a
// camera's images ([Scene]), and test patterns ([Fill]), of any size and in every pixel format.
//
// All of it follows from its arguments alone: no clock, no global randomness. On one architecture the same arguments
// give the same bytes; on another a sample of a Scene may differ by one level, since Go may fuse floating-point
// operations.
package synth

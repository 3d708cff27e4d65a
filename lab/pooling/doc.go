// Package pooling measures what pooling of frame memory is worth: the same work, with its buffers from different places.
//
// The work is that of the server this project grew out of (docs/adr/0001-memory-pooling.md): requests of a batch of raw
// frames; each frame is resized into an image and encoded as a JPEG. An Option says where the buffers come from, and nothing
// else. A turn runs one option in one Mode, in a process of its own, so that the collector's settings, its work, page faults
// and memory are the option's alone. Rounds of turns are interleaved. [Run] does all of that and returns a [Result]. It
// checks while it measures: each JPEG must be that of its frame, and no memory may stay behind.
//
// Package pipeline makes no image between frame and JPEG. The bench does, as most programs do: its cost is the question.
package pooling

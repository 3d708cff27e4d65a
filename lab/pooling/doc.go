// Package pooling measures what pooling of frame memory is worth: the same work, with its buffers from different places.
//
// The work is that of the server this project grew out of (docs/adr/0001-memory-pooling.md): requests of a batch of raw
// frames, of which each is resized into an image and encoded as a JPEG. An Option says where the buffers come from, and
// nothing else. A turn runs one option in one Mode, in a process of its own, so that the collector's settings, its work,
// page faults and memory are the option's alone; rounds of turns are interleaved. [Run] does all of that, and [Result] has
// what came out. While it measures it checks: each JPEG is the one that its frame must give, and no memory stays behind.
//
// The pipeline of this project makes no image between frame and JPEG: see package pipeline. The bench does, as most
// programs do, since what that costs is the question.
package pooling

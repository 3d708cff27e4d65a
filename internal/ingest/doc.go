// Package ingest reads frames from byte streams: raw video ([RawReader]), Y4M ([Y4MReader]) and JPEGs ([JPEGReader]).
//
// All read into buffers of a pool, allocate nothing per frame, and hold no buffer while they wait for the first byte of
// a frame. A stream that only declares frames, or a peer that sends nothing, costs a few kilobytes at most.
package ingest

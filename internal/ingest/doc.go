// Package ingest reads frames from byte streams: raw video ([RawReader]) and Y4M ([Y4MReader]).
//
// Both read straight into buffers of a pool, allocate nothing per frame, and hold no buffer while they wait for the
// first byte of a frame: what a stream only declares, or a peer that sends nothing, costs a few hundred bytes.
package ingest

// Package load puts a server under a load and says how it bears it.
//
// A [Generator] is open-loop: each batch of frames has a time at which it is due, which does not depend on any answer,
// and its latency counts from then. A server that falls behind can therefore not hide it by slowing down who measures.
// The frames carry their numbers in their pixels, so that an image that belongs to another frame, or to none, is found.
package load

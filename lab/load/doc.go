// Package load puts a load on a server and measures latency, throughput and capacity.
//
// A [Generator] is open-loop: each batch of frames has a time at which it is due, which does not depend on any response,
// and its latency counts from then. So a server that falls behind cannot hide it by slowing down the generator. The frames
// carry their numbers in their pixels, so that an image of another frame, or of none, is found.
package load

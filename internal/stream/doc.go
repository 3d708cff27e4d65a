// Package stream is the live side of Steadyframe: a [Hub] holds streams by name, each of which has one newest picture
// that all of its viewers share.
//
// A picture is made once, whoever watches: a [Publisher] hands its JPEG over in a buffer of package pool, and each
// [Viewer] that takes it gets a holding of the same bytes. There is no queue. A viewer that can take another picture is
// given the newest one; those that came meanwhile it never sees. So a slow viewer gets fewer and fresher pictures, costs
// the others nothing, and one that takes nothing holds nothing but what it was given last. Neither Publish nor Next
// allocates.
//
// Time makes the rest: a picture that stays the same goes out again now and then, so that a viewer can tell a still
// picture from a dead connection; a stream whose source is gone shows a picture that says so, to viewers who stay; and a
// stream that nobody feeds or watches is forgotten. [Hub.Run] is the goroutine that watches over that.
//
// Ownership is said with the words of package frame: takes, borrows, retains. Times are of package time alone, so that
// testing/synctest can hold them.
package stream

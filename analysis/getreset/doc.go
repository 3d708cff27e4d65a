// Package getreset finds buffers from a pool that are used without a Reset, where nothing resets them on the way back
// either.
//
// The value holds the data of its last user, and new data is appended to it:
//
//	buf := bufPool.Get().(*bytes.Buffer)
//	fmt.Fprintf(buf, "user %d", id) // wrong: comes after another request's text
//	send(buf.Bytes())
//	bufPool.Put(buf)
//
// Right is one of the two, on every path, and the same one for all users of a pool:
//
//	buf.Reset() // after the Get
//
//	buf.Reset() // before the Put
//	bufPool.Put(buf)
//
// The pass looks at types that are of no use as they were left: bytes.Buffer and what embeds it, strings.Builder, hashes, maps, slices that are
// appended to, and what has a Reset with the io.Writer or io.Reader to work on, as gzip.Writer and bufio.Reader have. What a function of the
// package writes to counts as written to. A struct or map is of no use, too, where a text is decoded into it, since json.Unmarshal and its like
// leave the fields that the text does not have:
//
//	r := requests.Get().(*request)
//	defer requests.Put(r)
//	err := json.Unmarshal(text, r) // wrong: without *r = request{} before
//
// And so is a type of the package with a method Reset or reset that others call for values of that pool, or that nobody calls, unless fields of
// the value are set. The pass reports only pools of which it sees at least one Put that does not reset, and a wrapper of Get or Put that resets
// does so for its callers. For a buffer, Truncate(0) is a Reset, for a slice x[:0], for a map clear or delete, and for all of them assigning to
// all of it.
package getreset

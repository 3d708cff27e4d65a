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
// appended to, and what has a Reset with the io.Writer, io.Reader or text to work on, as gzip.Writer, bufio.Reader and bytes.Reader have. What a
// function of the package writes to counts as written to. A struct or map is of no use, too, where a text is decoded into it, since json.Unmarshal and its like
// leave the fields that the text does not have:
//
//	r := requests.Get().(*request)
//	defer requests.Put(r)
//	err := json.Unmarshal(text, r) // wrong: without *r = request{} before
//
// What is written to a buffer, a hash, a map or a slice is reported where the function reads it, too, or gives it to somebody: nobody is misled by what
// nobody reads.
//
// And so is a type with a method Reset, or one of the package with a reset, that others call for values of that pool, or, of the package's own,
// that nobody calls although it empties what is appended to: unless fields of the value are set, all that Reset sets and another method changes. The pass
// reports only pools of which it sees at least one Put that does not reset, and a wrapper of Get or Put that resets does so for its callers.
//
// Where others call such a Reset of the package's own, it is reported if it forgets a field: one to which the package appends and that nothing in it empties, or a
// bool that an exported method sets, where Reset sets at least two others to false, nothing in the package does so for this one, and the package calls that
// method or lends the values to others.
//
//	func (r *request) Reset() {
//		r.parsed, r.closed = false, false // wrong: r.secure, which SetSecure sets, and r.tags, to which Tag appends, are those of another request
//	}
//
// Whatever gets values of a struct and puts them back, also without a Reset: where it sets fields to zero, a field of the same type that it leaves is reported, if
// nothing in the package empties it, and it is read, and appended to, or set on some paths only or by a method that users call. Of bools, numbers and texts two
// others have to be set to zero. A map counts where it is added to, and is no cache: nobody asks whether a key is in it.
//
//	func newTransaction() *transaction {
//		t := transactions.Get().(*transaction)
//		t.audit, t.capture = false, false // wrong: t.dryRun, which Detect sets, is that of another request
//		return t
//	}
//
// A reset or a Put of such a struct that sets a pointer or an interface to nil, and at least three fields in all, is reported where it leaves a pointer that is set to what
// a function is told: the pool keeps what that points to.
//
// An exported function that returns what it gets as it was left is reported where the type is another package's and has a Reset that needs nothing to work on, an exported
// function puts such values back as they are, and nobody in the package resets one. Messages of protobuf are only those with a method of their own that decodes.
//
//	func Get() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) } // wrong: nobody knows that it has to be reset
//
//	func Put(buf *bytes.Buffer) { buffers.Put(buf) }
//
// A slice that is read into as much as there is, and then used to its end, has the rest of what its last user left:
//
//	n, err := conn.Read(buf)
//	...
//	err = msg.Unpack(buf) // wrong: buf[:n]
//
// That is a call with the name of a parser or writer that is not told n, or a conversion to a string, where nobody asks whether n is a certain number.
//
// For a buffer, Truncate(0) is a Reset, for a slice a cut to a length that is not its own, as x[:0] and the x[:n] of an allocator, copying into it
// or setting its elements to 0, for a map clear or delete, and for all of them assigning to all of it. What may be a reset counts as one: a call
// with the name of a reset of something in the value, a function that sets fields to 0, fields that are set before the Put, or a call of which
// nothing is known.
package getreset

// Package useafterput finds uses of a pooled value after it was put back, and values put back twice.
//
// Code that uses a value after its Put works on memory that another goroutine may have got meanwhile. The race is rare,
// and it corrupts the data of others:
//
//	func (s *Server) handle(ctx *Context) {
//		s.reply(ctx)
//		contexts.Put(ctx)
//		log.Println(ctx.ID) // wrong: the ID of another request, sometimes
//	}
//
// A second Put of the same value is worse: the pool then lends it to two users at once.
//
// Memory inside the value counts as the value: what buf.Bytes() returned, a slice of it, a field's address. Hence also
//
//	func encode(v any) ([]byte, error) {
//		buf := bufPool.Get().(*bytes.Buffer)
//		defer bufPool.Put(buf)
//		err := json.NewEncoder(buf).Encode(v)
//		return buf.Bytes(), err // wrong: the memory goes back to the pool as the function returns
//	}
//
// What is returned may also have the memory in it: in a field of what was made here, in an element, in what a constructor of the package or a
// reader of the standard library made of it, or as a string without a copy.
//
//	defer bufPool.Put(buf)
//	res.Body = io.NopCloser(bytes.NewReader(buf.Bytes()))
//	return res // wrong: the body is read when the buffer is somebody else's
//
// No memory of the pool any more is what a field had that the Put, or the function that calls it, overwrites before. And a field that is set only where its struct
// is made, to what was there before, may be read after the Put: it is the same for whoever has the struct by then.
//
// What a field has that the package empties for the next user, x.f = x.f[:0] or clear(x.f), and gives nothing else but what it makes for it, stays with the
// value: a slice of strings or a map, too, and a copy of the struct shares it.
//
// Right is to return a copy, bytes.Clone(buf.Bytes()) or buf.String(), or to let the caller put buf back.
//
// Within one method, what is in a field of a parameter counts as what is in a variable: until something else is given that parameter.
//
//	buf := b.data[:n]
//	if n > cap(b.data)/2 {
//		buf = make([]byte, n)
//	}
//	slabs.Put(b.data)
//	b.data = buf // wrong: on one path it is the memory that was put back
//
// What was taken from a channel, a map, a list or another function counts as well, once it was put back:
//
//	for n := l.head; n != nil; n = n.next { // wrong: next is read after the Put
//		nodes.Put(n)
//	}
//
// A loop that puts the address of a variable which its turns share, as those of its own head do before Go 1.22, puts one pointer as often as it turns. And a
// method that puts back what is in a field of its receiver, and does so each time, is not to be called twice for one value.
//
// A method Close that puts its receiver back, or what is in a field of it, and that nothing keeps from doing so again, is reported where the package
// returns its value as an interface with Read and Close, or gives it to net/http as the body of a request, which a Transport closes more than once:
// whoever closes twice, as by a defer and before it, has the pool lend the value to two.
//
//	func (r *reader) Close() error {
//		readers.Put(r.zr) // wrong: and r.zr = nil, and nothing where it is nil, is missing
//		return nil
//	}
//
// A call that puts back what is in a field of its receiver, on some path at least, and leaves it there, is reported where the field is used next, before any
// branch that could ask:
//
//	func (c *conn) handle(p []byte) int {
//		c.read(p) // closes c on an error, and puts c.in back
//		return c.in.Len() // wrong: read has to say whether it did
//	}
//
// A Transport of net/http may read the body of a request when Do has returned, above all where it has failed, or the server has answered early:
//
//	buf := bufPool.Get().(*bytes.Buffer)
//	defer bufPool.Put(buf)
//	req, err := http.NewRequest("POST", url, buf)
//	...
//	resp, err := client.Do(req) // wrong: send a copy, or put buf back in the Close of a body of its own
//
// A defer puts back what its variable has when the defer is reached, and not what it has in the end:
//
//	data := alloc(n)
//	defer free(data) // right: defer func() { free(data) }()
//	for need := range sizes {
//		if len(data) < need {
//			free(data) // wrong: the defer does so again
//			data = alloc(need)
//		}
//	}
//
// A function that puts its argument back on all paths counts as a Put where it is called. One that does so on some
// paths is reported only when a Put of the same value follows whichever way it goes: then the value is put twice on
// those paths. So is one of a slice before that a defer gives it to. What is returned beside an error is not reported after a Put: nobody looks at it. Where it does so
// whenever it returns an error, and only then, it counts as a Put in the branch for that. A function that drops one of
// several references (a count in the value decides) does not count as a Put.
package useafterput

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
// A function that puts its argument back on all paths counts as a Put where it is called. One that does so on some
// paths is reported only when a Put of the same value follows whichever way it goes: then the value is put twice on
// those paths. A function that drops one of several references (a count in the value decides) does not count as a Put.
package useafterput

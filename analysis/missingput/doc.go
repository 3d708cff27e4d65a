// Package missingput finds values from a pool that are not put back on some path.
//
// A pool that loses values allocates new ones: the program works, but slower, and no test fails. Most often a rare path
// loses the value, an early return on an error:
//
//	func render(w io.Writer, t *template.Template) error {
//		buf := bufPool.Get().(*bytes.Buffer)
//		if err := t.Execute(buf, nil); err != nil {
//			return err // wrong: buf is lost
//		}
//		_, err := buf.WriteTo(w)
//		bufPool.Put(buf)
//		return err
//	}
//
// Right is a defer next to the Get, which holds on every path, panics among them:
//
//	buf := bufPool.Get().(*bytes.Buffer)
//	defer bufPool.Put(buf)
//
// The message says where the value comes from, at which return it is lost, and the last decision on the way there. A
// value that is returned, stored, sent, captured by a goroutine, or given to a function that is not known to only
// borrow it has been handed on, and is no longer this function's to put back. Wrappers count as what they wrap: after
// getBuf, which returns what it takes from a pool, putBuf or a method that puts its receiver back. A caller of a
// wrapper has to put the value back only where it does so on some path, or where the value never leaves it.
//
// Of some pools nobody but who gets a value can put it back: the pool has no exported name and is given to nobody, and each Put is of what the
// function itself has got, or was given for that. There a call only uses the value, whatever is called:
//
//	s := states.Get().(*state)
//	return s.run(visit) // wrong where all other functions put back what they get
//
// Where another path puts the value back, such a call may have been given it for good, unless it fails. A pool of that kind with a Get and no
// Put at all is reported as well.
//
// The flag -missingput.panics also reports values that an explicit panic loses. It is off by default: after most panics
// a lost value does not matter.
//
// Where the function neither puts the value back nor hands it on anywhere, the suggested fix inserts the defer.
package missingput

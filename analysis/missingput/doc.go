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
// wrapper has to put the value back only where it does so on some path, or where the value never leaves it and the package puts others into the pool.
//
// Of some pools nobody but who gets a value can put it back: the pool has no exported name and is given to nobody, and each Put is of what the
// function itself has got, or was given for that. There a call only uses the value, whatever is called:
//
//	s := states.Get().(*state)
//	return s.run(visit) // wrong where all other functions put back what they get
//
// A function that may keep a value for all that is known of it does not where another function of the package, which has got its value in the same way,
// puts that back on all paths after such a call. Where others put back what they get in the same way at all, neither does a function of the
// package that stores nothing, unless it has the name of one that takes it, such as push, offer or close, or says whether it has; nor one with a name like
// Encode or parse, where something puts values back. A function that keeps what the value refers to, or what an unknown function has made of it, does not keep the value.
//
// Waiting for a channel of the value, such as a timer's, asks nothing about it. And a method that renders, prints or executes something to an
// io.Writer is done with that when it returns.
//
// A defer puts back what its variable has when the defer is reached. Where that is nil, what the variable is given later is lost:
//
//	var b *Buffer
//	defer b.Release() // wrong: defer func() { b.Release() }()
//
// A branch that asks for the size or the state of the value may mean to drop it: what is lost there and then is not reported. What a later
// decision loses is, where the same side of the branch puts it back or keeps it otherwise; and so is what no path puts back or keeps.
//
// What a constructor returns may hold a value, which a method of it puts back, such as Close: it is lost where no such method is called, and it
// is given to nobody as an interface with one, such as a reader that puts it back at its end. It is reported where it is put back on another path, or by
// another function that gets it in the same way.
//
// The pools of an array, a slice or a map are as one. Where something goes into a pool that a function has made of what it was given, any value may have gone
// back by that: what no path puts back is not reported.
//
// A select that sends the value in one of its cases loses it in the others. Where another path hands the value on, and none puts it back, a loss is reported
// where something has failed: a call, the send, or the function, which returns an error; or where nobody else can put it back.
//
// What a loop gets for its next turn, and does nothing with, is lost when there is none. Where another path returns the value, a failure before that loses it where others
// put back what they get in the same way.
//
// What a function stores before it returns it is not the caller's. What it makes of a value that it gets by another function is only where others put
// theirs back; then a failure loses it.
//
// A struct by value that says of itself that it is none, such as by an error in it, does not have to go back.
//
// A connection does not have to go back: it may be broken. Nor does what a loop gets to empty the pool, until there is nothing; nor what the only loop that asks
// the pool loses when it ends.
//
// An interface counts as a pool where a type of its package has its methods, of which one gets a value and another puts one back. Where the package that uses it
// puts values back by it, a failure loses what it got.
//
// A constructor that is given the value may have it in what it returns. Where nothing is done with that but to call its methods, and others put back what they
// get in the same way, the value is still the function's. A slice without elements that comes out of a pool is none.
//
// Where a wrapper returns the value and a part of it, the caller has to put back the one, not the other. And who has memory of the value for good
// has the value.
//
// Where another path puts the value back, such a call may have been given it for good, unless it fails. A pool of that kind with a Get and no
// Put at all is reported as well.
//
// The flag -missingput.panics also reports values that an explicit panic loses. It is off by default: after most panics
// a lost value does not matter.
//
// Where the function neither puts the value back nor hands it on anywhere, the suggested fix inserts the defer.
package missingput

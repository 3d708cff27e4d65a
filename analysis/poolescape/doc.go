// Package poolescape finds pooled values that are kept after they were put back: in a field, a package variable, a map,
// a channel, or a goroutine.
//
// The kept value is read later, when the pool has lent it to another user:
//
//	func (c *Cache) add(key string, r io.Reader) {
//		buf := bufPool.Get().(*bytes.Buffer)
//		defer bufPool.Put(buf)
//		buf.ReadFrom(r)
//		c.entries[key] = buf.Bytes() // wrong: the entry changes when the next one is added
//	}
//
// Right is to keep a copy, or not to put the value back while it is kept:
//
//	c.entries[key] = bytes.Clone(buf.Bytes())
//
// A method that returns nothing and stores its argument in its receiver, or a function that stores it in another argument, counts as the store
// itself, unless it is called again in the function.
//
// A string that unsafe has made of the memory is the memory, also as the key of a map.
//
// What a constructor of the package or a reader of the standard library made of the memory counts as the memory, in a field of the receiver, a map
// or a channel.
//
// A function literal that uses the value and is kept in a field, or given to a method of the name Go, Submit, Schedule or the like, runs when the value may be
// back in the pool.
//
// A field that the function, or a closure of it, sets again counts as a loan that ends in time. A goroutine counts as
// done before the Put where the function waits for something after starting it: a WaitGroup, a channel, a select.
// Stores into what the function itself has made are not reported, since they mostly die with it.
package poolescape

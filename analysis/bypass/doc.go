// Package bypass finds values that come out of a pool's New although nobody has asked the pool.
//
// New makes a value; Get looks for one that was put back, and calls New where there is none. A pool of which New is called has
// its values put back and never lent again:
//
//	h := hashes.New().(hash.Hash) // wrong: hashes.Get().(hash.Hash)
//	defer hashes.Put(h)
//
// A function that also calls Get of the pool is right: it makes a value where it cannot use what it got. So is one that
// puts what New makes straight into the pool, to fill it.
//
// A value that is got, reset and put back, and used for nothing in between, has another do its work:
//
//	enc := encoders.Get().(*Encoder)
//	enc.Reset(&buf)
//	err := NewEncoder(&buf).Encode(v) // wrong: enc.Encode(v)
//	encoders.Put(enc)
package bypass

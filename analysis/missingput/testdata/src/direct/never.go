package direct

import (
	"compress/flate"
	"hash"
	"io"
	"sync"
)

var (
	hashPool  = sync.Pool{New: func() any { return nil }}
	flatePool = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// Right: these errors are always nil.

func hashed(p []byte) ([]byte, error) {
	h := hashPool.Get().(hash.Hash)
	h.Reset()
	if _, err := h.Write(p); err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	hashPool.Put(h)
	return sum, nil
}

func inflated(r io.Reader, p []byte) error {
	fr := flatePool.Get().(io.Reader)
	if err := fr.(flate.Resetter).Reset(r, nil); err != nil {
		return err
	}
	_, err := io.ReadFull(fr, p)
	flatePool.Put(fr)
	return err
}

// Wrong: this one may not be.

func hashedFile(r io.Reader) ([]byte, error) {
	h := hashPool.Get().(hash.Hash) // want `h from hashPool.Get is not put back when the function returns at line 44`
	h.Reset()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	hashPool.Put(h)
	return sum, nil
}

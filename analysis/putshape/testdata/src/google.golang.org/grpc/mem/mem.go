// Package mem has the signatures of the real one.
package mem

type BufferPool interface {
	Get(length int) *[]byte
	Put(*[]byte)
}

type Buffer interface {
	ReadOnlyData() []byte
	Ref()
	Free()
}

type BufferSlice []Buffer

type SliceBuffer []byte

func (b SliceBuffer) ReadOnlyData() []byte { return b }
func (SliceBuffer) Ref()                   {}
func (SliceBuffer) Free()                  {}

func NewBuffer(data *[]byte, pool BufferPool) Buffer { return SliceBuffer(*data) }

func DefaultBufferPool() BufferPool { return nil }

package handed

import (
	"io"
	"reflect"
	"sync"
	"unsafe"
)

var pages sync.Pool

// page returns memory by the pointer to its first byte.
func page() []byte {
	first, _ := pages.Get().(*byte)
	if first == nil {
		return make([]byte, 4096)
	}
	return unsafe.Slice(first, 4096)
}

func putPage(b []byte) { pages.Put(unsafe.SliceData(b)) }

func readPage(r io.Reader) error {
	first := pages.Get().(*byte) // want `first from pages.Get is not put back when the function returns`
	if _, err := r.Read(unsafe.Slice(first, 4096)); err != nil {
		return err
	}
	pages.Put(first)
	return nil
}

var options = sync.Pool{New: func() any { return new([40]byte) }}

func getOptions() []byte { return options.Get().(*[40]byte)[:] }

func putOptions(o []byte) { options.Put(toArray(o)) }

func toArray(o []byte) *[40]byte {
	o = o[:40]
	return (*[40]byte)(unsafe.Pointer(&o[0]))
}

// Right: the array goes back.
func size(n byte) int {
	o := getOptions()
	o[0] = n
	putOptions(o)
	return len(o)
}

// Wrong: on one path alone.
func sizeOrNot(n byte) int {
	o := getOptions() // want `o from getOptions is not put back when the function returns at line \d+ \(n == 0\)`
	if n == 0 {
		return 0
	}
	o[0] = n
	putOptions(o)
	return len(o)
}

var handles = sync.Pool{New: func() any { return new([8]byte) }}

var byHandle = map[uint32]*[8]byte{}

func getHandle() *[8]byte { return handles.Get().(*[8]byte) }

func putHandle(n uint32) { handles.Put(lookUp(n)) }

func lookUp(n uint32) *[8]byte { return byHandle[n] }

// Right: it goes back by its number.
func numbered(n uint32) byte {
	h := getHandle()
	h[0] = byte(n)
	putHandle(n)
	return h[0]
}

type iface struct{ typ, ptr unsafe.Pointer }

func pointer(v any) unsafe.Pointer { return (*iface)(unsafe.Pointer(&v)).ptr }

var structs sync.Pool

// Right: a pointer that is nil is of no value.
func decode(t reflect.Type, fill func(unsafe.Pointer) error, use func(unsafe.Pointer)) error {
	s := pointer(structs.Get())
	if s == nil {
		s = reflect.New(t).UnsafePointer()
	}
	err := fill(s)
	if err == nil {
		use(s)
	}
	structs.Put(s)
	return err
}

// Wrong.
func decodeOrNot(t reflect.Type, ready func() error, use func(unsafe.Pointer)) error {
	s := pointer(structs.Get()) // want `s from structs.Get is not put back when the function returns at line \d+ \(err != nil\)`
	if s == nil {
		s = reflect.New(t).UnsafePointer()
	}
	if err := ready(); err != nil {
		return err
	}
	use(s)
	return nil
}

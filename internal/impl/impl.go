// Package impl is the registry of kernel implementations: one set of kernels per package, one entry per level of the
// processor.
package impl

import "fmt"

// Level is an instruction set that kernels are written for. Levels of one architecture are ordered: a higher one runs
// where the processor has it.
type Level uint8

// The levels.
const (
	Max     Level = iota // as a limit: no limit
	Generic              // plain Go, on every target: the definition of each kernel's result
	NEON                 // arm64
	AVX2                 // amd64, with BMI1, BMI2, F16C, LZCNT and POPCNT
	AVX512               // amd64, with F, BW, DQ, VL, VBMI, VBMI2 and VNNI
)

var names = [...]string{"max", "generic", "neon", "avx2", "avx512"}

// String returns the level's name: "generic", "neon", "avx2", "avx512".
func (l Level) String() string {
	if int(l) >= len(names) {
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
	return names[l]
}

// ParseLevel is the inverse of String; "" is Max. The error has no prefix: the caller knows whose option the name is.
func ParseLevel(name string) (Level, error) {
	if name == "" {
		return Max, nil
	}
	for i, n := range names {
		if n == name {
			return Level(i), nil
		}
	}
	return Max, fmt.Errorf("got %q, want one of %q", name, names[Generic:])
}

// Entry is one implementation of the kernel set K.
type Entry[K any] struct {
	Level   Level
	Kernels K
}

// Registry holds the implementations of one kernel set. Register is called from init alone; after that a Registry is
// only read.
type Registry[K any] struct {
	entries []Entry[K] // ascending by level
}

// Register adds an implementation that this processor can run. It panics when the level is there already.
func (r *Registry[K]) Register(l Level, k K) {
	at := len(r.entries)
	for i, e := range r.entries {
		if e.Level == l {
			panic("impl: level registered twice")
		}
		if e.Level > l {
			at = i
			break
		}
	}
	r.entries = append(r.entries, Entry[K]{})
	copy(r.entries[at+1:], r.entries[at:])
	r.entries[at] = Entry[K]{l, k}
}

// Best returns the implementation of the highest level that is at most limit; with Max, of the highest of all.
func (r *Registry[K]) Best(limit Level) Entry[K] {
	best := r.entries[0]
	for _, e := range r.entries {
		if e.Level <= limit || limit == Max {
			best = e
		}
	}
	return best
}

// All returns every registered implementation, ascending, for tests and benchmarks. The caller must not change it.
func (r *Registry[K]) All() []Entry[K] { return r.entries }

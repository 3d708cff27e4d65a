//go:build !linux

package ring

import "errors"

// Supported says whether this system has what the ring needs.
const Supported = false

var errUnsupported = errors.New("ring: shared memory needs Linux: use HTTP or gRPC")

// Memory is memory that two processes share. There is none on this system.
type Memory struct{}

// NewMemory returns an error on this system.
func NewMemory(int, bool) (*Memory, error) { return nil, errUnsupported }

// MapMemory returns an error on this system.
func MapMemory(int, int, bool) (*Memory, error) { return nil, errUnsupported }

// Bytes returns nil.
func (m *Memory) Bytes() []byte { return nil }

// FD returns -1.
func (m *Memory) FD() int { return -1 }

// Close does nothing.
func (m *Memory) Close() {}

package ring

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Supported says whether this system has what the ring needs.
const Supported = true

// Memory is memory that two processes share. It is for one goroutine at a time.
type Memory struct {
	bytes []byte
	own   *os.File // of the side that made it; nil on the other
	lent  *os.File // the one to pass; own, or one that can only be read
}

// NewMemory makes memory of n bytes, zero, all of whose pages are there, and that nobody can make smaller or larger. With
// readOnly the descriptor to pass can only be mapped to be read, if /proc is mounted.
func NewMemory(n int, readOnly bool) (*Memory, error) {
	fd, err := unix.MemfdCreate("steadyframe-ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("ring: memfd_create: %w", err)
	}
	m := &Memory{own: os.NewFile(uintptr(fd), "memfd:steadyframe-ring")}
	m.lent = m.own
	if err := m.prepare(fd, n); err != nil {
		m.Close()
		return nil, err
	}
	if readOnly {
		if f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
			m.lent = f
		}
	}
	return m, nil
}

// prepare sizes, fills and seals the file fd.
func (m *Memory) prepare(fd, n int) (err error) {
	if err := unix.Ftruncate(fd, int64(n)); err != nil {
		return fmt.Errorf("ring: ftruncate to %d bytes: %w", n, err)
	}
	// With an error where there is no memory; a fault on a page could only kill the process.
	if err := unix.Fallocate(fd, 0, 0, int64(n)); err != nil {
		return fmt.Errorf("ring: fallocate of %d bytes: %w", n, err)
	}
	if m.bytes, err = unix.Mmap(fd, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return fmt.Errorf("ring: mmap of %d bytes: %w", n, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return fmt.Errorf("ring: F_ADD_SEALS: %w", err)
	}
	return nil
}

// MapMemory maps n bytes of memory that the other side made, and takes fd, which it closes. It refuses memory of another
// size, and memory that could shrink: a read of what is gone would kill the process.
func MapMemory(fd, n int, write bool) (*Memory, error) {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("ring: fstat: %w", err)
	}
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_SHRINK == 0 {
		return nil, fmt.Errorf("ring: got memory that is not sealed (%v), want F_SEAL_SHRINK", err)
	}
	if n < 1 || st.Size < int64(n) {
		return nil, fmt.Errorf("ring: got memory of %d bytes, want %d", st.Size, n)
	}
	prot := unix.PROT_READ
	if write {
		prot |= unix.PROT_WRITE
	}
	b, err := unix.Mmap(fd, 0, n, prot, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("ring: mmap of %d bytes: %w", n, err)
	}
	return &Memory{bytes: b}, nil
}

// Bytes returns the memory. It must not be used after Close: that would kill the process.
func (m *Memory) Bytes() []byte { return m.bytes }

// FD returns the descriptor to pass to the other side. It is m's, and is good until Close.
func (m *Memory) FD() int { return int(m.lent.Fd()) }

// Close unmaps the memory. On the side that made it, the pages are removed too: the other side may still have it mapped, and
// sees zeros then. A second Close does nothing, as one of nil.
func (m *Memory) Close() {
	if m == nil || m.bytes == nil && m.own == nil {
		return
	}
	if m.own != nil {
		_ = unix.Fallocate(int(m.own.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, math.MaxInt64&^4095)
		if m.lent != m.own {
			_ = m.lent.Close()
		}
		_ = m.own.Close()
	}
	if m.bytes != nil {
		_ = unix.Munmap(m.bytes)
	}
	*m = Memory{}
}

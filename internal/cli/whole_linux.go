package cli

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wholeFiles writes files of one folder, each whole or not at all. It calls the system itself: package os makes about ten objects for a file
// and its names, which here would be all that a run allocates.
type wholeFiles struct {
	dir  *os.File
	temp []byte // name of the file being written, ended by a zero byte as the system wants it
	name []byte // scratch, the same
}

// openWholeFiles returns the writer for dir, in which temp is the name of the file that is not whole yet.
func openWholeFiles(dir, temp string) (wholeFiles, error) {
	d, err := os.Open(dir)
	if err != nil {
		return wholeFiles{}, err
	}
	return wholeFiles{dir: d, temp: append([]byte(temp), 0)}, nil
}

// write makes the file called name hold data, or leaves it as it was. It allocates nothing.
func (w *wholeFiles) write(name, data []byte) error {
	w.name = append(append(w.name[:0], name...), 0)
	fd, err := w.create()
	if err != nil {
		return err
	}
	err = writeAll(fd, data)
	if closeErr := unix.Close(fd); err == nil && closeErr != unix.EINTR { // after EINTR the file is closed, close(2)
		err = closeErr
	}
	if err == nil {
		err = w.rename()
	}
	if err != nil {
		unix.Unlinkat(w.fd(), string(w.temp[:len(w.temp)-1]), 0)
	}
	return err
}

func (w *wholeFiles) fd() int { return int(w.dir.Fd()) }

// create is openat(2) of the temporary file, empty.
func (w *wholeFiles) create() (fd int, err error) {
	for {
		const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC | unix.O_CLOEXEC
		r, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(w.fd()), uintptr(unsafe.Pointer(&w.temp[0])), flags, 0o666, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// rename is renameat2(2) of the temporary file to name.
func (w *wholeFiles) rename() error {
	dir := uintptr(w.fd())
	_, _, errno := unix.Syscall6(unix.SYS_RENAMEAT2, dir, uintptr(unsafe.Pointer(&w.temp[0])), dir, uintptr(unsafe.Pointer(&w.name[0])), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// writeAll writes data to fd.
func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (w *wholeFiles) close() { w.dir.Close() }

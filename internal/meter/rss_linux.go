package meter

import (
	"bytes"
	"os"
)

// rssReader reads the resident set from /proc/self/statm, see proc_pid_statm(5): its second number, in pages.
type rssReader struct {
	file *os.File
	page uint64
	buf  [128]byte
}

func openRSS() rssReader {
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		return rssReader{}
	}
	return rssReader{file: f, page: uint64(os.Getpagesize())}
}

func (r *rssReader) read() (rss uint64, ok bool) {
	if r.file == nil {
		return 0, false
	}
	n, _ := r.file.ReadAt(r.buf[:], 0) // io.EOF, or an error that leaves nothing to parse
	_, fields, _ := bytes.Cut(r.buf[:n], []byte(" "))
	field, _, ok := bytes.Cut(fields, []byte(" "))
	pages := uint64(0)
	for _, c := range field { // strconv wants a string, which would be allocated
		pages = pages*10 + uint64(c-'0')
	}
	return pages * r.page, ok
}

func (r *rssReader) close() {
	if r.file != nil {
		r.file.Close()
	}
}

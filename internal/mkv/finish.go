package mkv

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// durationRoom is where Finish puts the duration: an element with a float.
const durationRoom = 2 + 8 + 8

// FormatError says why a file is not one that this package has written.
type FormatError struct{ Reason string }

// Error is part of error.
func (e *FormatError) Error() string { return "mkv: " + e.Reason }

// File is what Finish works on: an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// Summary says what is in a file.
type Summary struct {
	Images   int
	Duration time.Duration // of the images, each up to the next; the last takes as long as the one before it
	Cut      int64         // bytes of an incomplete block at the end, which Finish has removed
}

// Finish makes a whole file of a head and blocks, size bytes together: it writes the duration, an index behind the last block,
// and the sizes that were not known. A last block that is incomplete is removed. The error is a *FormatError, or f's.
func Finish(f File, size int64) (Summary, error) {
	s := scan{f: f, size: size}
	if err := s.all(); err != nil {
		return Summary{}, err
	}
	summary := Summary{Images: s.images, Cut: size - s.pos, Duration: s.last}
	if s.images > 1 {
		summary.Duration += s.last - s.before
	}
	if err := f.Truncate(s.pos); err != nil {
		return summary, err
	}
	cues := s.cues()
	if _, err := f.WriteAt(cues, s.pos); err != nil {
		return summary, err
	}
	for _, c := range s.clusters {
		if err := s.resize(c.at, idCluster, c.end); err != nil {
			return summary, err
		}
	}
	if err := s.resize(s.segment, idSegment, s.pos+int64(len(cues))); err != nil {
		return summary, err
	}
	duration := appendFloat(sized(appendID(nil, idDuration), 8), float64(summary.Duration)/float64(tick))
	if _, err := f.WriteAt(duration, s.duration); err != nil {
		return summary, err
	}
	_, err := f.WriteAt(s.seekHead(), s.seek)
	return summary, err
}

// scan walks through a file.
type scan struct {
	f    File
	size int64
	pos  int64 // what comes before it is whole

	segment, seek, duration int64 // where those are
	clusters                []cluster
	images                  int
	last, before            time.Duration // times of the last two images
	buf                     [16]byte
}

// cluster is where a cluster is, and what the index says of it.
type cluster struct {
	at, end int64
	time    time.Duration
	indexed bool // it has an image
	first   time.Duration
}

// maxClusters bounds the memory of a scan: a cluster is a second, and this more than a week.
const maxClusters = 1 << 20

// element is what stands before the content of an element.
type elementHead struct {
	id      uint32
	content int64 // where it begins
	size    int64 // of it; -1 when it is not known
}

// next reads the head at pos. It returns io.EOF where the file ends before the head's end.
func (s *scan) next(pos int64) (e elementHead, err error) {
	n, err := s.f.ReadAt(s.buf[:min(12, max(s.size-pos, 0))], pos)
	if err != nil && err != io.EOF {
		return e, err
	}
	p := s.buf[:n]
	if len(p) == 0 {
		return e, io.EOF
	}
	length := 1
	for length <= 4 && p[0]>>(8-length) == 0 {
		length++
	}
	if length > 4 {
		return e, &FormatError{fmt.Sprintf("got no element at byte %d", pos)}
	}
	if len(p) <= length {
		return e, io.EOF
	}
	for _, b := range p[:length] {
		e.id = e.id<<8 | uint32(b)
	}
	p = p[length:]
	wide := 1
	for wide <= 8 && p[0]>>(8-wide) == 0 {
		wide++
	}
	switch {
	case wide > 8:
		return e, &FormatError{fmt.Sprintf("got an element without a size at byte %d", pos)}
	case len(p) < wide:
		return e, io.EOF
	}
	v := uint64(p[0]) & (1<<(8-wide) - 1)
	for _, b := range p[1:wide] {
		v = v<<8 | uint64(b)
	}
	e.content, e.size = pos+int64(length+wide), int64(v)
	if v == 1<<(7*wide)-1 {
		e.size = -1
	}
	return e, nil
}

// all walks through the file, up to where it is whole.
func (s *scan) all() error {
	head, err := s.next(0)
	if err != nil || head.id != idEBML || head.size < 0 || head.content+head.size > s.size {
		return orFormat(err, "got no Matroska at its beginning")
	}
	s.segment = head.content + head.size
	segment, err := s.next(s.segment)
	if err != nil || segment.id != idSegment {
		return orFormat(err, "got no segment")
	}
	s.pos = segment.content
	var in *cluster // that pos is in
	for {
		e, err := s.next(s.pos)
		switch {
		case err == io.EOF:
			return s.ended(in)
		case err != nil:
			return err
		}
		if e.id == idCluster {
			s.close(in)
			if len(s.clusters) == maxClusters {
				return &FormatError{"got more than a million clusters"}
			}
			s.clusters = append(s.clusters, cluster{at: s.pos})
			in = &s.clusters[len(s.clusters)-1]
			s.pos = e.content
			continue
		}
		if e.size < 0 || e.size > s.size-e.content {
			return s.ended(in)
		}
		if err := s.inside(e, in); err != nil {
			return err
		}
		s.pos = e.content + e.size
	}
}

// orFormat returns err, or a *FormatError for where the file ends, or is another one.
func orFormat(err error, reason string) error {
	if err != nil && err != io.EOF {
		return err
	}
	return &FormatError{reason}
}

// inside reads an element of the segment, or of a cluster.
func (s *scan) inside(e elementHead, in *cluster) error {
	n, err := s.f.ReadAt(s.buf[:min(e.size, 8)], e.content)
	if err != nil && err != io.EOF {
		return err
	}
	p := s.buf[:n]
	switch {
	case in == nil && e.id == idVoid && s.seek == 0 && e.content+e.size-s.pos == seekRoom:
		s.seek = s.pos
	case in == nil && e.id == idInfo && s.duration == 0:
		return s.info(e)
	case in != nil && e.id == idTimestamp && len(p) == 8:
		in.time = time.Duration(binary.BigEndian.Uint64(p)&(1<<40-1)) * tick
	case in != nil && e.id == idBlock && len(p) >= 4 && p[0] == 0x80|Images:
		at := in.time + time.Duration(int16(binary.BigEndian.Uint16(p[1:])))*tick
		if !in.indexed {
			in.indexed, in.first = true, at
		}
		s.images++
		s.before, s.last = s.last, max(at, s.last)
	}
	return nil
}

// info finds room for the duration.
func (s *scan) info(e elementHead) error {
	for pos := e.content; pos < e.content+e.size; {
		c, err := s.next(pos)
		if err != nil || c.size < 0 || c.size > e.content+e.size-c.content {
			return orFormat(err, "got malformed information on the segment")
		}
		if c.id == idVoid && c.content+c.size-pos == durationRoom {
			s.duration = pos
		}
		pos = c.content + c.size
	}
	return nil
}

// close ends a cluster.
func (s *scan) close(in *cluster) {
	if in != nil {
		in.end = s.pos
	}
}

// ended checks what the whole file had.
func (s *scan) ended(in *cluster) error {
	s.close(in)
	switch {
	case s.seek == 0 || s.duration == 0:
		return &FormatError{"got no room for an index: Finish is for files that this package has written"}
	case s.images == 0:
		return &FormatError{"got no image"}
	}
	return nil
}

// resize writes the size of an element that ends at end, whose size has 8 bytes.
func (s *scan) resize(at int64, id uint32, end int64) error {
	e, err := s.next(at)
	head := int64(len(appendID(nil, id)) + 8)
	if err != nil || e.content != at+head {
		return orFormat(err, "got a size of less than 8 bytes where it was not known")
	}
	_, err = s.f.WriteAt(sized(nil, uint64(end-e.content)), e.content-8)
	return err
}

// cues returns the index: an entry for each cluster that has an image.
func (s *scan) cues() []byte {
	content := s.segment + 12
	return element(nil, idCues, func(p []byte) []byte {
		for _, c := range s.clusters {
			if !c.indexed {
				continue
			}
			p = element(p, idCuePoint, func(p []byte) []byte {
				p = number(p, idCueTime, uint64(max(c.first, 0)/tick))
				return element(p, idCueTrack, func(p []byte) []byte {
					return number(number(p, idCueOf, Images), idCuePos, uint64(c.at-content))
				})
			})
		}
		return p
	})
}

// seekHead returns what says where the index is, in the room for it.
func (s *scan) seekHead() []byte {
	p := element(nil, idSeekHead, func(p []byte) []byte {
		return element(p, idSeek, func(p []byte) []byte {
			p = element(p, idSeekID, func(p []byte) []byte { return appendID(p, idCues) })
			return number(p, idSeekPos, uint64(s.pos-s.segment-12))
		})
	})
	return appendVoid(p, seekRoom-len(p))
}

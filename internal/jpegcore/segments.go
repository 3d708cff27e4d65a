package jpegcore

import (
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// Restart segments can be coded apart from each other: each begins with DC predictions of zero and at a whole byte (T.81,
// E.1.4), and ends with a marker whose number is that of its place, modulo 8. So a segment of an image may take the place of the
// same segment of another image of the same Coder, its marker with it.

// SegmentInterval returns the restart interval, in MCUs of 8*chromaX by 8*chromaY pixels, of images whose segments are used
// apart from each other: 12 MCUs of 16x16 pixels, or the same area of others. Of images of 1920x1080 at quality 75 with 80 KB
// or more, the markers are at most 3 % then. docs/adr/0031 says what fewer MCUs gain.
func SegmentInterval(chromaX, chromaY int) int { return 12 * 16 * 16 / (64 * chromaX * chromaY) }

// Segments returns how many restart segments an image has: 1 without restart markers.
func (c *Coder) Segments() int { return (c.perRow*c.rows + c.interval - 1) / c.interval }

// Interval returns the MCUs of a segment. The last may have fewer.
func (c *Coder) Interval() int { return c.interval }

// MCUs returns how many MCUs an image has across and down.
func (c *Coder) MCUs() (across, down int) { return c.perRow, c.rows }

// MCUSize returns the pixels of an MCU across and down.
func (c *Coder) MCUSize() (width, height int) { return c.mcuWidth, c.mcuHeight }

// BeginSegment starts segment n, to be coded alone.
func (c *Coder) BeginSegment(s *Scratch, n int) {
	if n < 0 || n >= c.Segments() {
		panic("jpegcore: no such segment")
	}
	s.mcu = n * c.interval
	s.bits = huff.Partial{}
	s.beginSegment(c, n)
}

// EncodeRow codes what is left of the segment, but no more than reaches the end of the MCU row. It returns the bytes, which are
// the scratch's until the next call, and how many MCUs they are. The last bytes of a segment end with its restart marker,
// if another follows. It borrows b, which holds the samples of the whole row; only those of the MCUs that are coded need
// be there.
func (c *Coder) EncodeRow(s *Scratch, b *band.Band) (coded []byte, mcus int) {
	x := s.mcu % c.perRow
	end := x + min(s.left, c.perRow-x)
	coded, _ = c.EncodeTo(s, b, end)
	return coded, end - x
}

// EncodeTo is EncodeRow for all MCUs of the row up to column end, which may be those of several segments. It returns where, in
// the bytes, segments end that others follow: behind their markers.
func (c *Coder) EncodeTo(s *Scratch, b *band.Band, end int) (coded []byte, ends []int) {
	s.out, s.ends = s.out[:0], s.ends[:0]
	for at := s.mcu % c.perRow; at < end; at += stripMCUs {
		n := min(stripMCUs, end-at)
		c.transform(s, b, at, n, nil)
		c.code(s, n)
	}
	return s.out, s.ends
}

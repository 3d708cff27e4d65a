package scene

import (
	"image"

	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/internal/kernel/mask"
	"github.com/steadyframe/steadyframe/internal/kernel/pack"
	"github.com/steadyframe/steadyframe/pool"
)

// layer is what one JPEG of an image needs: that of its color, or that of its alpha.
type layer struct {
	size          int // bytes of a pixel that is composed: 3, R, G and B; of alpha 1
	width, height int
	coder         *jpegcore.Coder
	converter     *band.Converter // nil for alpha
	pack          pack.Kernels
	mask          mask.Kernels
	header        []byte
	trailer       []byte

	mcuWidth, mcuHeight int // pixels
	across, down        int // MCUs
	interval, segments  int
}

func newLayer(o *Options, alpha bool, limit impl.Level) (*layer, error) {
	x, y := subsampling(o.Subsampling)
	space, gray := band.YCC, alpha || o.Subsampling == grayscale
	if gray {
		space, x, y = band.Luma, 1, 1
	}
	l := &layer{size: 3, width: o.Width, height: o.Height, pack: pack.Implementations.Best(limit).Kernels, mask: mask.Implementations.Best(limit).Kernels}
	interval := o.Restart
	if interval == 0 {
		interval = jpegcore.SegmentInterval(x, y)
	}
	l.coder = jpegcore.New(jpegcore.Config{
		Width: o.Width, Height: o.Height, Quality: o.Quality, Gray: gray, ChromaX: x, ChromaY: y, RestartInterval: interval, Limit: limit,
	})
	l.mcuWidth, l.mcuHeight = l.coder.MCUSize()
	l.across, l.down = l.coder.MCUs()
	l.interval, l.segments = l.coder.Interval(), l.coder.Segments()
	l.header, l.trailer = l.coder.AppendHeader(nil), l.coder.AppendTrailer(nil)
	if alpha {
		l.size = 1
		return l, nil
	}
	var err error
	l.converter, err = band.NewConverter(band.Config{
		Width: o.Width, Height: o.Height, Space: space, ChromaX: x, ChromaY: y, Lines: l.mcuHeight, Limit: limit,
	})
	return l, err
}

// mark marks the segments that have pixels of r, which is inside the image.
func (l *layer) mark(touched []bool, r image.Rectangle) {
	if r.Empty() {
		return
	}
	first, last := r.Min.X/l.mcuWidth, (r.Max.X-1)/l.mcuWidth
	for row := r.Min.Y / l.mcuHeight; row <= (r.Max.Y-1)/l.mcuHeight; row++ {
		for s := (row*l.across + first) / l.interval; s <= (row*l.across+last)/l.interval; s++ {
			touched[s] = true
		}
	}
}

// run returns the MCUs of a row from column on that are in segments which all are touched, the first one's among them.
func (l *layer) run(touched []bool, row, column int) (end int) {
	end = column
	for end < l.across {
		s := (row*l.across + end) / l.interval
		if !touched[s] {
			break
		}
		end = min((s+1)*l.interval-row*l.across, l.across)
	}
	return end
}

// rows returns how many lines of pixels MCU row i has.
func (l *layer) rows(i int) int { return min(l.mcuHeight, l.height-i*l.mcuHeight) }

// store is what a scene keeps of a background for one layer. It is never written to, once it is made.
type store struct {
	jpeg   pool.Buf // the coded background, a whole file
	starts []int    // of each segment in it, and the end of the last
	pix    pool.Buf // the pixels of pieces
	pieces []piece
	first  []int // by MCU row: the first of its pieces; one more at the end
}

// piece is pixels that are kept: some columns of an MCU row.
type piece struct {
	from, to int // columns
	offset   int // of the first pixel in the store
	stride   int // bytes from one line to the next; 0: all are the same
}

// pixels returns columns from.. to.. of MCU row i, which are part of a piece.
func (st *store) pixels(l *layer, i, from, to int) band.Pixels {
	for _, p := range st.pieces[st.first[i]:st.first[i+1]] {
		if p.from <= from && to <= p.to {
			return band.Pixels{Pix: st.pix.Bytes()[p.offset+(from-p.from)*l.size:], Stride: p.stride, Columns: to - from, Rows: l.rows(i)}
		}
	}
	panic("scene: pixels that were not kept")
}

// layOut sets the pieces that the touched segments need, and returns how many bytes they take.
func (st *store) layOut(l *layer, touched []bool) int64 {
	size := int64(0)
	st.first = make([]int, l.down+1)
	for row := range l.down {
		st.first[row] = len(st.pieces)
		for x := 0; x < l.across; {
			end := l.run(touched, row, x)
			if end == x {
				x++
				continue
			}
			p := piece{from: x * l.mcuWidth, to: min(end*l.mcuWidth, l.width), offset: int(size)} // of no use where it does not fit an int: such a size is refused
			p.stride = (p.to - p.from) * l.size
			size += int64(p.stride) * int64(l.rows(row))
			st.pieces = append(st.pieces, p)
			x = end
		}
	}
	st.first[l.down] = len(st.pieces)
	return size
}

// layOutColor sets one piece for all pixels of a background of one color, and returns how many bytes it takes.
func (st *store) layOutColor(l *layer) int64 {
	st.first = make([]int, l.down+1)
	for row := range l.down {
		st.first[row] = row
		st.pieces = append(st.pieces, piece{to: l.width})
	}
	st.first[l.down] = l.down
	return int64(l.width * l.size)
}

// keep copies the pieces of MCU row i from its whole lines.
func (st *store) keep(l *layer, i int, lines []byte) {
	pix, stride := st.pix.Bytes(), l.width*l.size
	for _, p := range st.pieces[st.first[i]:st.first[i+1]] {
		for y := range l.rows(i) {
			copy(pix[p.offset+y*p.stride:][:p.stride], lines[y*stride+p.from*l.size:])
		}
	}
}

package jpegdec

// turn writes the image of w x h pixels of n bytes each in src upright into dst, whose rows have no gaps.
func (o Orientation) turn(dst, src []byte, stride, w, h, n int) {
	// The pixel at (x, y) of the upright image lies at origin + x*dx + y*dy.
	var origin, dx, dy int
	right, down := n, stride
	lastX, lastY := (w-1)*right, (h-1)*down
	switch o {
	case MirroredAcross:
		origin, dx, dy = lastX, -right, down
	case UpsideDown:
		origin, dx, dy = lastX+lastY, -right, -down
	case MirroredDown:
		origin, dx, dy = lastY, right, -down
	case Transposed:
		origin, dx, dy = 0, down, right
	case RotateRight:
		origin, dx, dy = lastY, -down, right
	case Transversed:
		origin, dx, dy = lastX+lastY, -down, -right
	case RotateLeft:
		origin, dx, dy = lastX, down, -right
	default:
		origin, dx, dy = 0, right, down
	}
	if o.swapsSides() {
		w, h = h, w
	}
	// In tiles, so that columns of src stay in the cache while they become rows.
	const tile = 32
	for top := 0; top < h; top += tile {
		for left := 0; left < w; left += tile {
			for y := top; y < min(top+tile, h); y++ {
				row := dst[(y*w+left)*n:][:(min(left+tile, w)-left)*n]
				copyPixels(row, src, origin+left*dx+y*dy, dx, n)
			}
		}
	}
}

// copyPixels fills row with pixels of n bytes, 1 or 4, the first of which lies at that offset of src, each next one dx further.
func copyPixels(row, src []byte, at, dx, n int) {
	if n == 1 {
		for i := range row {
			row[i] = src[at]
			at += dx
		}
		return
	}
	for i := 0; i+4 <= len(row); i += 4 {
		copy(row[i:i+4], src[at:at+4])
		at += dx
	}
}

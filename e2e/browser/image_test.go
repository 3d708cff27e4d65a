package browser

import (
	"fmt"
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/synth"
)

// readCells is JavaScript that returns the lumas of the middles of the 8x4 cells of an image, which carry the number of
// its frame: see synth.Index. The image is that of an element, a canvas or an img.
const readCells = `((element) => {
	const canvas = new OffscreenCanvas(16, 8), context = canvas.getContext('2d', { willReadFrequently: true });
	const [w, h] = [element.naturalWidth ?? element.width, element.naturalHeight ?? element.height];
	if (w < 64) return [];
	for (let i = 0; i < 32; i++) {
		const x = (i % 8) * w / 8, y = Math.floor(i / 8) * h / 4;
		context.drawImage(element, x + w / 32, y + h / 16, w / 16, h / 8, (i % 8) * 2, Math.floor(i / 8) * 2, 2, 2);
	}
	const { data } = context.getImageData(0, 0, 16, 8);
	return Array.from({ length: 32 }, (_, i) => {
		const p = 4 * (Math.floor(i / 8) * 32 + (i % 8) * 2);
		return Math.round(0.299 * data[p] + 0.587 * data[p + 1] + 0.114 * data[p + 2]);
	});
})`

// shownIndex returns the number of the frame that an element shows, given as a JavaScript expression; 0 when it shows
// none yet.
func shownIndex(p *tab, element string) int {
	p.t.Helper()
	cells := eval[[]int](p, readCells+"("+element+")")
	if len(cells) == 0 || slices.Max(cells) == 0 {
		return 0
	}
	img := image.NewGray(image.Rect(0, 0, 64, 32))
	for y := range 32 {
		for x := range 64 {
			img.SetGray(x, y, color.Gray{Y: uint8(cells[y/8*8+x/8])})
		}
	}
	n, err := synth.ReadIndex(img)
	if err != nil {
		p.t.Fatalf("the image on the page is no frame's: %v\n%v", err, cells)
	}
	return n
}

// What the page shows is at most two frames older than the newest that was sent. On a busy machine, single looks may
// find more: half of them, within some seconds, must not.
func TestImageIsNewest(t *testing.T) {
	s := serve(t, "127.0.0.1:0", "")
	p := publish(t, s, "numbers")
	page := open(t, s.url("/#/stream/numbers"), 1024, 768)
	page.await("an image", "document.querySelector('.stage .screen[data-seq] canvas')")

	const looks = 40
	var last int
	var behind []int
	waitFor(t, "the newest image, at most 2 frames late", func() bool {
		n := shownIndex(page, "document.querySelector('.stage canvas')")
		newest := int(p.newest.Load()) // after the look: what was sent meanwhile counts against it
		if n < last {
			t.Fatalf("the page went back from frame %d to %d", last, n)
		}
		last = n
		behind = append(behind, newest-n)
		if len(behind) > looks {
			behind = behind[1:]
		}
		sorted := slices.Sorted(slices.Values(behind))
		return len(behind) == looks && sorted[looks/2] <= 2
	})
	t.Logf("frames behind the newest, in %d looks: %v", looks, behind)
}

// An MJPEG in an <img> moves.
func TestMJPEGInImage(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	p := publish(t, s, "numbers")
	page := open(t, s.url("/#/server"), 800, 600)
	page.do("document.body.append(Object.assign(new Image(), { id: 'mjpeg', src: 'stream/numbers.mjpg' }))")
	seen := map[int]bool{}
	waitFor(t, "20 different images in the img", func() bool {
		n := shownIndex(page, "document.getElementById('mjpeg')")
		if newest := int(p.newest.Load()); n > newest {
			t.Fatalf("the img shows frame %d, want at most %d, the newest", n, newest)
		}
		seen[n] = true
		return len(seen) > 20
	})
	if got := s.viewers(t, "mjpeg"); got != 1 {
		t.Errorf("got %d viewers by MJPEG, want 1", got)
	}
}

// A source that is lost leaves its viewers an offline image, and when it comes back the page goes on.
func TestSourceLostAndBack(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	p := publish(t, s, "numbers")
	page := open(t, s.url("/"), 1024, 768)
	tile := `document.querySelector('.tile[href="#/stream/numbers"]')`
	page.await("an image", tile+"?.querySelector('.screen[data-seq]')")
	if shownIndex(page, tile+".querySelector('canvas')") == 0 {
		t.Error("the tile is empty, want a frame")
	}
	p.end()
	page.await("the tile to say that the stream is offline", tile+".dataset.state === 'offline'")
	if got := s.viewers(t, "websocket"); got != 1 {
		t.Errorf("got %d viewers of the lost stream, want 1: they stay", got)
	}
	offline := eval[int](page, "Number("+tile+".querySelector('.screen').dataset.seq)")
	publish(t, s, "numbers")
	page.await("the tile to be online again", tile+".dataset.state === 'online'")
	page.await("a newer image", fmt.Sprintf("%s.querySelector('.screen').dataset.seq > %d", tile, offline))
	if shownIndex(page, tile+".querySelector('canvas')") == 0 {
		t.Error("the tile is empty, want a frame")
	}
}

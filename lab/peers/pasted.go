package main

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <libyuv.h>
#include <turbojpeg.h>

// A pasting encoder: the background stays as planes of J420. The region becomes J420, is scaled, and is copied or blended
// into them, on even pixels; then libjpeg-turbo codes all planes.
typedef struct {
	tjhandle tj;
	int w, h, rw, rh, x, y, ow, oh;  // background; region; its rectangle, of even offsets and sides
	uint8_t *bgr, *ry, *ru, *rv;     // the region
	uint8_t *sy, *su, *sv;           // scaled
	uint8_t *y0, *u0, *v0;           // the background, and
	uint8_t *y1, *u1, *v1;           // what is coded
	uint8_t *mask;                   // of the rectangle; NULL: none
	unsigned char *out;
	unsigned long size, room;
} pasting;

static void pasting_free(pasting *p) {
	if (p->tj) tjDestroy(p->tj);
	free(p->bgr); free(p->ry); free(p->sy); free(p->y0); free(p->y1); free(p->mask);
	tjFree(p->out);
	free(p);
}

static pasting *pasting_new(const uint8_t *background, int w, int h, int rw, int rh, int x, int y, int ow, int oh, const uint8_t *mask) {
	pasting *p = calloc(1, sizeof *p);
	p->w = w; p->h = h; p->rw = rw; p->rh = rh; p->x = x; p->y = y; p->ow = ow; p->oh = oh;
	int c = w / 2 * (h / 2), rc = rw / 2 * (rh / 2), sc = ow / 2 * (oh / 2);
	p->tj = tjInitCompress();
	p->bgr = malloc((size_t)rw * rh * 3);
	p->ry = malloc(rw * rh + 2 * rc); p->ru = p->ry + rw * rh; p->rv = p->ru + rc;
	p->sy = malloc(ow * oh + 2 * sc); p->su = p->sy + ow * oh; p->sv = p->su + sc;
	p->y0 = malloc(w * h + 2 * c); p->u0 = p->y0 + w * h; p->v0 = p->u0 + c;
	p->y1 = malloc(w * h + 2 * c); p->u1 = p->y1 + w * h; p->v1 = p->u1 + c;
	RGB24ToJ420(background, 3 * w, p->y0, w, p->u0, w / 2, p->v0, w / 2, w, h);
	memcpy(p->y1, p->y0, w * h + 2 * c);
	if (mask) { p->mask = malloc(ow * oh); memcpy(p->mask, mask, ow * oh); }
	p->room = tjBufSize(w, h, TJSAMP_420);
	p->out = tjAlloc(p->room);
	return p;
}

static int pasting_encode(pasting *p, const void *src, int floats, int quality) {
	const uint8_t *bgr = src;
	if (floats) {
		int n = p->rw * p->rh;
		const float *restrict f = src;
		for (int c = 0; c < 3; c++)
			for (int i = 0; i < n; i++) {
				float v = f[c * n + i] * 255.0f + 0.5f;
				p->bgr[3 * i + c] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
			}
		bgr = p->bgr;
	}
	int cw = p->w / 2, rcw = p->rw / 2, scw = p->ow / 2;
	if (RGB24ToJ420(bgr, 3 * p->rw, p->ry, p->rw, p->ru, rcw, p->rv, rcw, p->rw, p->rh)) return -1;
	size_t at = (size_t)p->y * p->w + p->x, cat = (size_t)(p->y / 2) * cw + p->x / 2;
	if (!p->mask) {
		if (I420Scale(p->ry, p->rw, p->ru, rcw, p->rv, rcw, p->rw, p->rh, p->y1 + at, p->w, p->u1 + cat, cw, p->v1 + cat, cw, p->ow, p->oh, kFilterBilinear)) return -2;
	} else {
		if (I420Scale(p->ry, p->rw, p->ru, rcw, p->rv, rcw, p->rw, p->rh, p->sy, p->ow, p->su, scw, p->sv, scw, p->ow, p->oh, kFilterBilinear)) return -2;
		if (I420Blend(p->sy, p->ow, p->su, scw, p->sv, scw, p->y0 + at, p->w, p->u0 + cat, cw, p->v0 + cat, cw, p->mask, p->ow,
			p->y1 + at, p->w, p->u1 + cat, cw, p->v1 + cat, cw, p->ow, p->oh)) return -3;
	}
	const unsigned char *planes[3] = {p->y1, p->u1, p->v1};
	p->size = p->room;
	return tjCompressFromYUVPlanes(p->tj, planes, p->w, NULL, p->h, TJSAMP_420, &p->out, &p->size, quality, TJFLAG_NOREALLOC);
}
*/
import "C"

import (
	"fmt"
	"image"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// pasted says that the frames of a workload are regions that are resized and pasted onto a background of the size of the
// images, which is the same all the time.
type pasted struct {
	background []byte        // bgr24
	rect       pipeline.Rect // of even offsets and sides, for libyuv's sake
	mask       []byte        // of the rectangle; nil: none
}

// lowerHalf returns a mask as MuseTalk makes it: the lower half of a square, fading in over so many pixels.
func lowerHalf(side, blur int) []byte {
	m := make([]byte, side*side)
	for y := range side {
		for x := range side {
			edge := min(x, side-1-x, side-1-y, y-side/2)
			m[y*side+x] = byte(255 * min(max(edge, 0), blur) / blur)
		}
	}
	return m
}

// lay lays what p's rectangle has on the background.
func (p *pasted) lay(over *plane3, width, height int) *plane3 {
	out := &plane3{width, height, make([][3]float64, width*height)}
	for i := range out.rgb {
		for c := range 3 {
			out.rgb[i][c] = float64(p.background[3*i+2-c])
		}
	}
	for i, v := range over.rgb {
		at := &out.rgb[(p.rect.Y+i/over.width)*width+p.rect.X+i%over.width]
		m := 1.0
		if p.mask != nil {
			m = float64(p.mask[i]) / 255
		}
		for c := range 3 {
			at[c] += m * (v[c] - at[c])
		}
	}
	return out
}

// ourScene is package scene.
type ourScene struct {
	scene *scene.Scene
	in    frame.Desc
	image scene.Image
	out   scene.Composed
}

func openOurScene(w *workload) (encoder, error) {
	b, err := scene.NewBuilder(&scene.Options{Quality: w.quality})
	if err != nil {
		return nil, err
	}
	defer b.Discard()
	background, err := frame.WrapBytes(frame.Desc{Format: frame.BGR24, Width: w.width, Height: w.height}, w.onto.background)
	if err != nil {
		return nil, err
	}
	place := scene.Place{Rect: w.onto.rect}
	if w.onto.mask != nil {
		size := image.Rect(0, 0, w.onto.rect.Width, w.onto.rect.Height)
		place.Mask = &scene.Mask{Shape: scene.Given, Alpha: &image.Alpha{Pix: w.onto.mask, Stride: size.Dx(), Rect: size}}
	}
	if err := b.Add(scene.Background{Frame: background, Places: []scene.Place{place}}); err != nil {
		return nil, err
	}
	s, err := b.Scene()
	if err != nil {
		return nil, err
	}
	return &ourScene{scene: s, in: w.in, image: scene.Image{Regions: make([]scene.Region, 1)}}, nil
}

func (e *ourScene) Encode(pixels []byte) ([]byte, error) {
	f, err := frame.WrapBytes(e.in, pixels)
	if err != nil {
		return nil, err
	}
	e.out.Release()
	e.image.Regions[0].Frame = f
	e.out, err = e.scene.Compose(&e.image)
	return e.out.JPEG(), err
}

func (e *ourScene) Close() {
	e.out.Release()
	e.scene.Close()
}

// yuvPaste is libyuv and libjpeg-turbo on planes that stay.
type yuvPaste struct {
	p       *C.pasting
	floats  C.int
	quality C.int
}

func openYUVPaste(w *workload) encoder {
	r := w.onto.rect
	var mask *C.uint8_t
	if w.onto.mask != nil {
		mask = (*C.uint8_t)(&w.onto.mask[0])
	}
	e := &yuvPaste{p: C.pasting_new((*C.uint8_t)(&w.onto.background[0]), C.int(w.width), C.int(w.height), C.int(w.in.Width), C.int(w.in.Height),
		C.int(r.X), C.int(r.Y), C.int(r.Width), C.int(r.Height), mask), quality: C.int(w.quality)}
	if w.in.Format != frame.BGR24 {
		e.floats = 1
	}
	return e
}

func (e *yuvPaste) Encode(frame []byte) ([]byte, error) {
	if rc := C.pasting_encode(e.p, unsafe.Pointer(&frame[0]), e.floats, e.quality); rc != 0 {
		return nil, fmt.Errorf("peers: libyuv, libjpeg-turbo: %d: %s", rc, C.GoString(C.tjGetErrorStr2(e.p.tj)))
	}
	return unsafe.Slice((*byte)(e.p.out), int(e.p.size)), nil
}

func (e *yuvPaste) Close() { C.pasting_free(e.p) }

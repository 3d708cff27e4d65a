package main

/*
#cgo CFLAGS: -O3
#cgo pkg-config: libturbojpeg
#cgo LDFLAGS: -lyuv
#include <stdint.h>
#include <stdlib.h>
#include <libyuv.h>
#include <turbojpeg.h>

// A planar encoder: pixels to J420, planes scaled, and libjpeg-turbo from the planes.
typedef struct {
	tjhandle tj;
	int w, h, ow, oh;
	enum FilterMode filter;
	uint8_t *bgr;              // of floats
	uint8_t *y, *u, *v;        // of the frame's size
	uint8_t *sy, *su, *sv;     // of the image's
	unsigned char *out;
	unsigned long size, room;
} planar;

static void planar_free(planar *p) {
	if (p->tj) tjDestroy(p->tj);
	free(p->bgr); free(p->y); free(p->sy);
	tjFree(p->out);
	free(p);
}

static planar *planar_new(int w, int h, int ow, int oh, int area) {
	planar *p = calloc(1, sizeof *p);
	int c = (w + 1) / 2 * ((h + 1) / 2), oc = (ow + 1) / 2 * ((oh + 1) / 2);
	p->w = w; p->h = h; p->ow = ow; p->oh = oh;
	p->filter = area ? kFilterBox : kFilterBilinear;
	p->tj = tjInitCompress();
	p->bgr = malloc((size_t)w * h * 3);
	p->y = malloc((size_t)w * h + 2 * c);
	p->u = p->y + (size_t)w * h; p->v = p->u + c;
	p->sy = malloc((size_t)ow * oh + 2 * oc);
	p->su = p->sy + (size_t)ow * oh; p->sv = p->su + oc;
	p->room = tjBufSize(ow, oh, TJSAMP_420);
	p->out = tjAlloc(p->room);
	return p;
}

// planes_to_bgr packs planes of floats, 0..1: a plain loop, which the compiler turns into vector code.
static void planes_to_bgr(uint8_t *restrict dst, const float *restrict src, int n) {
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < n; i++) {
			float v = src[c * n + i] * 255.0f + 0.5f;
			dst[3 * i + c] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
		}
}

static int planar_encode(planar *p, const void *src, int floats, int quality) {
	const uint8_t *bgr = src;
	if (floats) { planes_to_bgr(p->bgr, src, p->w * p->h); bgr = p->bgr; }
	int cw = (p->w + 1) / 2, ocw = (p->ow + 1) / 2;
	if (RGB24ToJ420(bgr, 3 * p->w, p->y, p->w, p->u, cw, p->v, cw, p->w, p->h)) return -1;
	const unsigned char *planes[3] = {p->y, p->u, p->v};
	if (p->w != p->ow || p->h != p->oh) {
		if (I420Scale(p->y, p->w, p->u, cw, p->v, cw, p->w, p->h, p->sy, p->ow, p->su, ocw, p->sv, ocw, p->ow, p->oh, p->filter)) return -2;
		planes[0] = p->sy; planes[1] = p->su; planes[2] = p->sv;
	}
	p->size = p->room;
	return tjCompressFromYUVPlanes(p->tj, planes, p->ow, NULL, p->oh, TJSAMP_420, &p->out, &p->size, quality, TJFLAG_NOREALLOC);
}

static int packed_encode(planar *p, const void *src, int floats, int quality) {
	const uint8_t *bgr = src;
	if (floats) { planes_to_bgr(p->bgr, src, p->w * p->h); bgr = p->bgr; }
	p->size = p->room;
	return tjCompress2(p->tj, bgr, p->w, 0, p->h, TJPF_BGR, &p->out, &p->size, TJSAMP_420, quality, TJFLAG_NOREALLOC);
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
)

// turbo is libjpeg-turbo, from planes that libyuv makes, or from pixels as they are.
type turbo struct {
	p       *C.planar
	floats  C.int
	quality C.int
	packed  bool
}

func openLibyuv(w *workload) (encoder, error) {
	if w.onto != nil {
		return openYUVPaste(w), nil
	}
	return newTurbo(w, false), nil
}

func openTurbo(w *workload) (encoder, error) {
	if w.resizes() {
		return nil, errNoWay
	}
	return newTurbo(w, true), nil
}

func newTurbo(w *workload, packed bool) *turbo {
	area := C.int(0)
	if w.area {
		area = 1
	}
	e := &turbo{p: C.planar_new(C.int(w.in.Width), C.int(w.in.Height), C.int(w.width), C.int(w.height), area), packed: packed, quality: C.int(w.quality)}
	if w.in.Format != frame.BGR24 {
		e.floats = 1
	}
	return e
}

func (e *turbo) Encode(frame []byte) ([]byte, error) {
	var rc C.int
	if e.packed {
		rc = C.packed_encode(e.p, unsafe.Pointer(&frame[0]), e.floats, e.quality)
	} else {
		rc = C.planar_encode(e.p, unsafe.Pointer(&frame[0]), e.floats, e.quality)
	}
	if rc != 0 {
		return nil, fmt.Errorf("peers: libyuv, libjpeg-turbo: %d: %s", rc, C.GoString(C.tjGetErrorStr2(e.p.tj)))
	}
	return unsafe.Slice((*byte)(e.p.out), int(e.p.size)), nil
}

func (e *turbo) Close() { C.planar_free(e.p) }

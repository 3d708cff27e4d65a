package main

/*
#cgo pkg-config: gstreamer-1.0 gstreamer-app-1.0
#include <stdlib.h>
#include <gst/gst.h>
#include <gst/app/gstappsrc.h>
#include <gst/app/gstappsink.h>

typedef struct {
	GstElement *pipeline;
	GstAppSrc *src;
	GstAppSink *sink;
	GstSample *sample; // whose memory is mapped
	GstMapInfo map;
} gstreamer;

static void gstreamer_drop(gstreamer *p) {
	if (!p->sample) return;
	gst_buffer_unmap(gst_sample_get_buffer(p->sample), &p->map);
	gst_sample_unref(p->sample);
	p->sample = NULL;
}

static void gstreamer_free(gstreamer *p) {
	gstreamer_drop(p);
	gst_element_set_state(p->pipeline, GST_STATE_NULL);
	gst_object_unref(p->src); gst_object_unref(p->sink); gst_object_unref(p->pipeline);
	free(p);
}

static gstreamer *gstreamer_new(const char *description) {
	gst_init(NULL, NULL);
	GError *err = NULL;
	GstElement *pipeline = gst_parse_launch(description, &err);
	if (!pipeline || err) return NULL;
	gstreamer *p = calloc(1, sizeof *p);
	p->pipeline = pipeline;
	p->src = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "src"));
	p->sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(pipeline), "sink"));
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	return p;
}

static int gstreamer_encode(gstreamer *p, void *src, size_t n) {
	gstreamer_drop(p);
	GstBuffer *b = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, src, n, 0, n, NULL, NULL);
	if (gst_app_src_push_buffer(p->src, b) != GST_FLOW_OK) return -1;
	p->sample = gst_app_sink_try_pull_sample(p->sink, 5 * GST_SECOND);
	if (!p->sample) return -2;
	return gst_buffer_map(gst_sample_get_buffer(p->sample), &p->map, GST_MAP_READ) ? 0 : -3;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
)

// gstreamer is a GStreamer pipeline in this process.
type gstreamer struct{ p *C.gstreamer }

func openGStreamer(w *workload) (encoder, error) {
	if w.in.Format != frame.BGR24 {
		return nil, errNoWay // it has no planar floats
	}
	scale := ""
	if w.resizes() {
		scale = fmt.Sprintf("videoscale method=bilinear add-borders=false ! video/x-raw,width=%d,height=%d,pixel-aspect-ratio=1/1 ! ", w.width, w.height)
	}
	// Without the colorimetry, which is that of JFIF, jpegenc is given limited range, and its images are pale.
	description := C.CString(fmt.Sprintf("appsrc name=src format=time caps=video/x-raw,format=BGR,width=%d,height=%d,framerate=25/1,pixel-aspect-ratio=1/1 ! "+
		"%svideoconvert ! video/x-raw,format=I420,colorimetry=1:4:0:0 ! jpegenc quality=%d ! appsink name=sink sync=false", w.in.Width, w.in.Height, scale, w.quality))
	defer C.free(unsafe.Pointer(description))
	p := C.gstreamer_new(description)
	if p == nil {
		return nil, errors.New("peers: GStreamer cannot be set up; are its good plugins installed?")
	}
	return &gstreamer{p}, nil
}

func (e *gstreamer) Encode(frame []byte) ([]byte, error) {
	if rc := C.gstreamer_encode(e.p, unsafe.Pointer(&frame[0]), C.size_t(len(frame))); rc != 0 {
		return nil, fmt.Errorf("peers: GStreamer: %d", rc)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(e.p._map.data)), int(e.p._map.size)), nil
}

func (e *gstreamer) Close() { C.gstreamer_free(e.p) }

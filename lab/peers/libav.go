package main

/*
#cgo pkg-config: libavcodec libswscale libavutil
#include <stdlib.h>
#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

// What ffmpeg does for "-vf scale -c:v mjpeg", without its command line.
typedef struct {
	int w, h, floats;
	struct SwsContext *sws;
	AVCodecContext *codec;
	AVFrame *frame;
	AVPacket *packet;
} libav;

static void libav_free(libav *p) {
	sws_freeContext(p->sws);
	avcodec_free_context(&p->codec);
	av_frame_free(&p->frame);
	av_packet_free(&p->packet);
	free(p);
}

static libav *libav_new(int w, int h, int ow, int oh, int floats, int qscale) {
	libav *p = calloc(1, sizeof *p);
	av_log_set_level(AV_LOG_ERROR);
	p->w = w; p->h = h; p->floats = floats;
	enum AVPixelFormat in = floats ? AV_PIX_FMT_GBRPF32LE : AV_PIX_FMT_BGR24;
	p->sws = sws_getContext(w, h, in, ow, oh, AV_PIX_FMT_YUVJ420P, SWS_BILINEAR, NULL, NULL, NULL);
	const AVCodec *c = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	if (!p->sws || !c) { libav_free(p); return NULL; }
	p->codec = avcodec_alloc_context3(c);
	p->codec->width = ow; p->codec->height = oh;
	p->codec->pix_fmt = AV_PIX_FMT_YUVJ420P;
	p->codec->time_base = (AVRational){1, 25};
	p->codec->thread_count = 1;
	p->codec->flags |= AV_CODEC_FLAG_QSCALE;
	p->codec->global_quality = FF_QP2LAMBDA * qscale;
	p->frame = av_frame_alloc();
	p->packet = av_packet_alloc();
	p->frame->format = AV_PIX_FMT_YUVJ420P; p->frame->width = ow; p->frame->height = oh;
	p->frame->quality = p->codec->global_quality;
	if (avcodec_open2(p->codec, c, NULL) < 0 || av_frame_get_buffer(p->frame, 0) < 0) { libav_free(p); return NULL; }
	return p;
}

static int libav_encode(libav *p, const uint8_t *src) {
	const uint8_t *planes[3] = {src};
	int strides[3] = {3 * p->w};
	if (p->floats) {
		size_t n = (size_t)p->w * p->h * 4;
		planes[0] = src + n; planes[1] = src; planes[2] = src + 2 * n; // G, B, R
		strides[0] = strides[1] = strides[2] = 4 * p->w;
	}
	av_packet_unref(p->packet);
	if (av_frame_make_writable(p->frame) < 0) return -1;
	if (sws_scale(p->sws, planes, strides, 0, p->h, p->frame->data, p->frame->linesize) <= 0) return -2;
	p->frame->pts++;
	if (avcodec_send_frame(p->codec, p->frame) < 0) return -3;
	return avcodec_receive_packet(p->codec, p->packet);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
)

// libav is ffmpeg's scaler and encoder.
type libav struct{ p *C.libav }

// openLibav returns the encoder whose quantizer scale, which is not libjpeg's quality, gives images of about the size of
// ours.
func openLibav(w *workload) (encoder, error) {
	ours, err := openOurs(w)
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	want, err := ours.Encode(w.frames[0])
	if err != nil {
		return nil, err
	}
	best, bestDistance := 0, 0
	for scale := 2; scale <= 12; scale++ {
		e, err := newLibav(w, scale)
		if err != nil {
			return nil, err
		}
		got, err := e.Encode(w.frames[0])
		if err != nil {
			return nil, err
		}
		distance := max(len(got)-len(want), len(want)-len(got))
		if best == 0 || distance < bestDistance {
			best, bestDistance = scale, distance
		}
		e.Close()
	}
	return newLibav(w, best)
}

func newLibav(w *workload, scale int) (*libav, error) {
	floats := C.int(0)
	if w.in.Format != frame.BGR24 {
		floats = 1
	}
	p := C.libav_new(C.int(w.in.Width), C.int(w.in.Height), C.int(w.width), C.int(w.height), floats, C.int(scale))
	if p == nil {
		return nil, errors.New("peers: libav cannot be set up")
	}
	return &libav{p}, nil
}

func (e *libav) Encode(frame []byte) ([]byte, error) {
	if rc := C.libav_encode(e.p, (*C.uint8_t)(unsafe.Pointer(&frame[0]))); rc != 0 {
		return nil, fmt.Errorf("peers: libav: %d", rc)
	}
	return unsafe.Slice((*byte)(e.p.packet.data), int(e.p.packet.size)), nil
}

func (e *libav) Close() { C.libav_free(e.p) }

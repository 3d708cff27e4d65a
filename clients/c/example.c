/* Encodes frames that it makes, publishes them as the live stream "c", and watches that: each way to use the ring once.
 *
 *   cc -std=c99 -Wall -Wextra -O2 -o example example.c && ./example [SOCKET] */
#include "steadyframe.h"

#include <time.h>

#define SPEC "\"spec\":{\"input\":{\"format\":\"bgr24\",\"width\":640,\"height\":360},\"resize\":{\"width\":320,\"height\":320}}"

static void fail(const struct sf_conn *c, const char *what) {
	fprintf(stderr, "%s: %s (code %d)\n", what, c->error, c->code);
	exit(1);
}

/* paint writes a frame of 640x360 in bgr24: a gradient that moves. */
static void paint(unsigned char *to, int n) {
	for (int y = 0; y < 360; y++)
		for (int x = 0; x < 640; x++, to += 3)
			to[0] = (unsigned char)(x + 8 * n), to[1] = (unsigned char)y, to[2] = 128;
}

static int is_jpeg(const void *p, uint32_t n) {
	const unsigned char *b = p;
	return n > 4 && b[0] == 0xff && b[1] == 0xd8 && b[n - 2] == 0xff && b[n - 1] == 0xd9;
}

int main(int argc, char **argv) {
	const char *path = argc > 1 ? argv[1] : NULL;
	static struct sf_conn encode, publish, watch;
	struct sf_message m;

	/* Two slots: the server has one while the other is written. */
	if (sf_open(&encode, path, "{\"use\":\"encode\",\"slots\":2," SPEC "}") < 0) fail(&encode, "encode");
	for (int n = 0, given = 0, done = 0; done < 10;) {
		while (given < 10 && given - done < 2) {
			paint(sf_frame(&encode, (uint32_t)n, 0), given);
			if (sf_submit(&encode, (uint32_t)n, 1, 0) < 0) fail(&encode, "submit");
			given++;
			n = !n;
		}
		const void *jpeg;
		uint32_t size;
		if (sf_next(&encode, &m) <= 0 || m.code) fail(&encode, "next");
		if (sf_image(&encode, m.slot, 0, &jpeg, &size) != 0 || !is_jpeg(jpeg, size)) fail(&encode, "image");
		printf("frame %d: a JPEG of %u bytes, %ux%u\n", done++, size, encode.width, encode.height);
	}
	sf_close(&encode);

	if (sf_open(&publish, path, "{\"use\":\"publish\",\"stream\":\"c\"," SPEC "}") < 0) fail(&publish, "publish");
	if (sf_open(&watch, path, "{\"use\":\"watch\",\"stream\":\"c\"}") < 0) fail(&watch, "watch");
	for (uint32_t n = 0, slot = 0; n < 5; n++) {
		paint(sf_frame(&publish, slot, 0), (int)n);
		uint64_t captured = publish.captured_us = (uint64_t)time(NULL) * 1000000 + n; /* a real program has the time of its camera */
		if (sf_submit(&publish, slot, 1, 0) < 0) fail(&publish, "submit");
		do {
			if (sf_next(&watch, &m) <= 0) fail(&watch, "next");
			if (!sf_live(&watch, &m) || !is_jpeg(sf_live(&watch, &m), m.of.image.bytes)) fail(&watch, "image");
			if (sf_release(&watch, m.slot) < 0) fail(&watch, "release");
		} while (m.of.image.flags); /* a repeat, or the image of a lost stream */
		if (m.of.image.captured_us != captured) fail(&watch, "time of capture");
		printf("live image %u: %u bytes\n", (unsigned)m.of.image.seq, m.of.image.bytes);
		do { /* statuses come too */
			if (sf_next(&publish, &m) <= 0) fail(&publish, "next");
		} while (m.kind != SF_DONE);
		slot = m.slot;
	}
	if (sf_finish(&publish, &m) < 0) fail(&publish, "finish");
	printf("published %llu of %llu frames\n", (unsigned long long)m.of.status.published, (unsigned long long)m.of.status.arrived);
	sf_close(&publish);
	sf_close(&watch);

	if (sf_open(&watch, path, "{\"use\":\"watch\",\"stream\":\"nobody\"}") == 0) return 1;
	printf("refused, as it should be: %s (code %d, field %s)\n", watch.error, watch.code, watch.field);
	if (sf_open(&encode, path, "{\"use\":\"encode\",\"batch\":100000," SPEC "}") == 0) return 1;
	printf("refused, as it should be: %s (code %d, limit %s: %lld, at most %lld)\n", encode.error, encode.code, encode.limit,
		(long long)encode.got, (long long)encode.max);
	return 0;
}

/* Has images of two scenes made through the ring, "solid", which is movable, and "clear", which is transparent, and writes each JPEG,
 * and that of alpha, into a folder: TestRingScenesFromC compares them.
 *
 *   scene SOCKET FOLDER */
#include "steadyframe.h"

#define REGION "\"input\":{\"format\":\"bgr24\",\"width\":24,\"height\":20}"
#define HELLO(scene) "{\"use\":\"encode\",\"slots\":2,\"batch\":2,\"spec\":{\"scene\":\"" scene "\"," REGION "}}"

static void fail(const struct sf_conn *c, const char *what) {
	fprintf(stderr, "%s: %s (code %d)\n", what, c->error, c->code);
	exit(1);
}

static void write_file(const char *folder, const char *scene, int n, const char *layer, const void *data, uint32_t size) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s%d.%s.jpg", folder, scene, n, layer);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(1);
	}
}

/* paint writes region n of an image: bytes that are its own. */
static void paint(struct sf_conn *c, uint32_t slot, uint32_t n) {
	unsigned char *to = sf_frame(c, slot, n);
	for (uint32_t i = 0; i < 24 * 20 * 3; i++) to[i] = (unsigned char)(i * (n + 1) / 9 + 50 * n);
}

/* take waits for the image in a slot, and writes it. */
static uint32_t take(struct sf_conn *c, const char *folder, const char *scene, int n) {
	struct sf_message m;
	const void *image;
	uint32_t size, alpha_size = 0;
	if (sf_next(c, &m) <= 0 || m.kind != SF_DONE || m.code) fail(c, "next");
	if (sf_image(c, m.slot, 0, &image, &size)) fail(c, "image");
	write_file(folder, scene, n, "color", image, size);
	const void *alpha = sf_alpha(c, m.slot, &alpha_size);
	if (alpha) write_file(folder, scene, n, "alpha", alpha, alpha_size);
	return m.slot;
}

/* compose has four images made: a background, one region, two, and again, where movable is set, the two elsewhere; the last is of the
 * background after that. */
static void compose(const char *path, const char *folder, const char *scene, const char *hello, int movable) {
	static struct sf_conn c;
	uint32_t slot = 0;
	if (sf_open(&c, path, hello) < 0) fail(&c, hello);
	if (sf_submit_image(&c, slot, 0, 3, 0) < 0) fail(&c, "submit");
	slot = take(&c, folder, scene, 0);
	paint(&c, slot, 0);
	if (sf_submit_image(&c, slot, 1, 7, 0) < 0) fail(&c, "submit");
	slot = take(&c, folder, scene, 1);
	slot = !slot; /* the other one */
	paint(&c, slot, 0), paint(&c, slot, 1);
	if (sf_submit_image(&c, slot, 2, 1, 0) < 0) fail(&c, "submit");
	slot = take(&c, folder, scene, 2);
	if (movable) {
		int32_t first[4] = { -5, 60, 40, 30 };
		memcpy(sf_rect(&c, slot, 0), first, sizeof first);
		memset(sf_rect(&c, slot, 1), 0, sizeof first);
	}
	if (sf_submit_image(&c, slot, 2, -1, movable ? SF_RECTS : 0) < 0) fail(&c, "submit");
	take(&c, folder, scene, 3);
	sf_close(&c);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	compose(argv[1], argv[2], "solid", HELLO("solid"), 1);
	compose(argv[1], argv[2], "clear", HELLO("clear"), 0);
	return 0;
}

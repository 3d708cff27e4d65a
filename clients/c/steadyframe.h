/* steadyframe.h: frames to a Steadyframe server on the same machine, through shared memory (docs/ring.md). C99, Linux, no library.
 *
 *   struct sf_conn c;
 *   if (sf_open(&c, NULL, "{\"use\":\"encode\",\"spec\":{...}}") < 0) fail(c.error);
 *   memcpy(sf_frame(&c, 0, 0), pixels, c.frame_bytes);          write a frame into slot 0; or let cv::Mat, GStreamer... write there
 *   sf_submit(&c, 0, 1, 0);                                     the slot is the server's
 *   struct sf_message m;
 *   if (sf_next(&c, &m) <= 0) fail(c.error);                    waits; m.kind is SF_DONE, m.slot is yours again
 *   const void *jpeg; uint32_t size;
 *   if (sf_image(&c, m.slot, 0, &jpeg, &size) != 0) ...         good until slot m.slot is submitted again
 *   sf_close(&c);
 *
 * "use" is encode, publish (SF_DONE gives slots back, sf_finish waits for the last frame) or watch (SF_IMAGE gives slots, sf_release
 * returns them). c.fd can be polled: call sf_next when it is readable. One thread at a time uses a connection. The machine must be little endian, as messages are. */
#ifndef STEADYFRAME_H
#define STEADYFRAME_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SF_HELLO = 1, SF_ACCEPTED, SF_SUBMIT, SF_DONE, SF_IMAGE, SF_RELEASE, SF_STATUS, SF_PING, SF_OUTPUT, SF_ERROR };
enum { SF_MAX_SLOTS = 64, SF_MAX_TEXT = 4096 };
enum { SF_MORE = 1, SF_INDEX = 2, SF_RECTS = 4 }; /* flags of SF_SUBMIT */
enum { SF_LAST = 1 }; /* flag of SF_STATUS */

/* A message as it is on the wire: 64 bytes, little endian. What lies in "of" depends on the kind. */
struct sf_message {
	uint16_t kind, code;
	uint32_t payload, slot, generation;
	union {
		struct { uint64_t input_slot, frame_pitch, frame_bytes, output_slot; uint32_t width, height; } accepted;
		struct { uint32_t frames, bytes; uint64_t captured_us, tag; uint32_t flags, without; uint64_t index; } submit;
		struct { uint32_t frames, failed; uint64_t run_ns, tag; } done;
		struct { uint32_t flags, bytes; uint64_t seq, captured_us, sent_us; uint32_t width, height, alpha; } image;
		struct { uint32_t viewers, flags; uint64_t arrived, published, dropped; double fps; uint64_t same; } status;
		struct { uint32_t retry_ms, reserved; int64_t got; uint64_t tag; int64_t max; } failed; /* SF_ERROR, SF_DONE with a code */
		uint64_t number;
		char magic[8];
		unsigned char bytes[48];
	} of;
};

struct sf_conn {
	int fd;
	uint32_t slots, batch, width, height;
	uint64_t input_slot, frame_pitch, frame_bytes, output_slot;
	unsigned char *input, *output;
	struct { uint32_t generation; unsigned char *area; uint64_t bytes; int grown; } slot[SF_MAX_SLOTS];
	uint64_t captured_us;          /* when what is submitted next was captured, microseconds since 1970; 0: when it is submitted. Each submit sets it to 0 */
	int fds[2], n_fds;             /* that came with the last message */
	char error[SF_MAX_TEXT + 1];   /* why the last call failed, or the batch of an SF_DONE with a code */
	uint16_t code;                 /* the server's code for that; 0: none, and then there are no details */
	char field[64], limit[64];     /* of the hello that is wrong, and the setting that was exceeded; may be empty */
	int64_t got, max;              /* of limit */
	uint32_t retry_ms;             /* after which trying again makes sense; 0: no advice */
};

static inline int sf_fail(struct sf_conn *c, const char *what) {
	snprintf(c->error, sizeof c->error, "%s: %s", what, errno ? strerror(errno) : "not what the protocol says");
	return -1;
}

/* sf_read reads n bytes and the descriptors with them. 1, or 0 at the end of the connection, or -1, also where it ends inside them. */
static inline int sf_read(struct sf_conn *c, void *to, size_t n) {
	unsigned char *p = to;
	while (n > 0) {
		union { char bytes[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } control;
		struct iovec v = { p, n };
		struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
		ssize_t got = recvmsg(c->fd, &h, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0) return got == 0 && p == (unsigned char *)to ? 0 : -1;
		for (struct cmsghdr *m = CMSG_FIRSTHDR(&h); m; m = CMSG_NXTHDR(&h, m)) {
			if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS) continue;
			c->n_fds = (int)((m->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(c->fds, CMSG_DATA(m), (size_t)c->n_fds * sizeof(int));
		}
		p += got;
		n -= (size_t)got;
	}
	return 1;
}

static inline int sf_write(struct sf_conn *c, const void *from, size_t n) {
	const unsigned char *p = from;
	while (n > 0) {
		ssize_t put = send(c->fd, p, n, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR) continue;
		if (put < 0) return sf_fail(c, "write");
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* sf_map maps n bytes of the first descriptor that came, and closes it. NULL when it is not there, too small, or could shrink. */
static inline unsigned char *sf_map(struct sf_conn *c, uint64_t n, int write) {
	errno = 0;
	if (c->n_fds < 1) return NULL;
	int fd = c->fds[0], seals = fcntl(fd, 1034 /* F_GET_SEALS */);
	c->fds[0] = c->fds[1];
	c->n_fds--;
	struct stat st;
	void *p = MAP_FAILED;
	if (seals >= 0 && (seals & 2 /* F_SEAL_SHRINK */) && fstat(fd, &st) == 0 && n > 0 && (uint64_t)st.st_size >= n)
		p = mmap(NULL, n, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* sf_failed notes what the server says against something. text is n bytes and a zero: the reason, the field, and the limit. */
static inline void sf_failed(struct sf_conn *c, const struct sf_message *m, const char *text, uint32_t n) {
	const char *field = text + strlen(text), *end = text + n;
	if (field < end) field++;
	const char *limit = field + strlen(field);
	if (limit < end) limit++;
	c->code = m->code;
	snprintf(c->error, sizeof c->error, "%s", text);
	snprintf(c->field, sizeof c->field, "%s", field);
	snprintf(c->limit, sizeof c->limit, "%s", limit);
	c->got = m->of.failed.got;
	c->max = m->of.failed.max;
	c->retry_ms = m->of.failed.retry_ms;
}

/* sf_next waits for a message. 1, or 0 when the server has closed the connection, or -1: c->error and c->code say why. */
static inline int sf_next(struct sf_conn *c, struct sf_message *m) {
	for (;;) {
		errno = 0;
		c->code = 0;
		int got = sf_read(c, m, sizeof *m);
		if (got <= 0) return got < 0 ? sf_fail(c, "read") : 0;
		char text[SF_MAX_TEXT + 1];
		if (m->payload > SF_MAX_TEXT) return sf_fail(c, "payload");
		if (m->payload > 0 && sf_read(c, text, m->payload) <= 0) return sf_fail(c, "read");
		text[m->payload] = 0;
		int known = m->slot < c->slots;
		switch (m->kind) {
		case SF_ERROR:
			sf_failed(c, m, text, m->payload);
			return -1;
		case SF_OUTPUT: {
			unsigned char *area = known ? sf_map(c, m->of.number, 0) : NULL;
			if (!area) return sf_fail(c, "OUTPUT");
			if (c->slot[m->slot].grown) munmap(c->slot[m->slot].area, c->slot[m->slot].bytes);
			c->slot[m->slot].area = area;
			c->slot[m->slot].bytes = m->of.number;
			c->slot[m->slot].grown = 1;
			continue;
		}
		case SF_DONE: case SF_IMAGE:
			if (!known) return sf_fail(c, "slot");
			c->slot[m->slot].generation = m->generation;
			if (m->code) sf_failed(c, m, text, m->payload); /* of the batch: m->code is not 0; the connection goes on */
			return 1;
		case SF_ACCEPTED: case SF_STATUS:
			return 1;
		}
	}
}

/* sf_finish ends a stream that c publishes, and waits until the server has dealt with all frames. 0, and m has the last counts; or -1:
 * c->error says why, such as that the server is gone and the last frames may be lost. */
static inline int sf_finish(struct sf_conn *c, struct sf_message *m) {
	shutdown(c->fd, SHUT_WR); /* It fails on a connection that has ended, which sf_next sees. */
	for (;;) {
		int got = sf_next(c, m);
		if (got < 0) return -1;
		if (got == 0) {
			snprintf(c->error, sizeof c->error, "the server ended the connection before it said what has become of all frames");
			return -1;
		}
		if (m->kind == SF_STATUS && m->of.status.flags & SF_LAST) return 0;
	}
}

/* sf_path writes where a server listens by default: 0, or -1 when that is longer than n. */
static inline int sf_path(char *to, size_t n) {
	const char *url = getenv("STEADYFRAME_URL"), *run = getenv("XDG_RUNTIME_DIR");
	char user[64];
	struct stat st;
	snprintf(user, sizeof user, "/run/user/%u", (unsigned)geteuid());
	int len;
	if (url && strncmp(url, "ring:", 5) == 0) len = snprintf(to, n, "%s", url + 5);
	else if (run && run[0] == '/' && stat(run, &st) == 0 && S_ISDIR(st.st_mode)) len = snprintf(to, n, "%s/steadyframe/ring.sock", run);
	else if (stat(user, &st) == 0 && S_ISDIR(st.st_mode)) len = snprintf(to, n, "%s/steadyframe/ring.sock", user);
	else {
		char dir[64]; /* in /tmp anybody could have made it */
		snprintf(dir, sizeof dir, "/tmp/steadyframe-%u", (unsigned)geteuid());
		if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) return -1;
		len = snprintf(to, n, "%s/ring.sock", dir);
	}
	return len < 0 || (size_t)len >= n ? -1 : 0;
}

/* sf_close closes the connection, and lets go of the memory. What was said last stays in c. */
static inline void sf_close(struct sf_conn *c) {
	for (uint32_t i = 0; i < c->slots; i++)
		if (c->slot[i].grown) munmap(c->slot[i].area, c->slot[i].bytes);
	if (c->input) munmap(c->input, c->slots * c->input_slot);
	if (c->output) munmap(c->output, c->slots * c->output_slot);
	while (c->n_fds > 0) close(c->fds[--c->n_fds]);
	if (c->fd >= 0) close(c->fd);
	c->fd = -1;
	c->slots = 0;
	c->input = c->output = NULL;
}

/* sf_open connects to the server at path, NULL for the default, and says hello, JSON as docs/ring.md has it. 0, or -1: c->error
 * says why; nothing is open then. */
static inline int sf_open(struct sf_conn *c, const char *path, const char *hello) {
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct sf_message m = { .kind = SF_HELLO, .payload = (uint32_t)strlen(hello), .slot = 1 };
	memset(c, 0, sizeof *c);
	errno = 0;
	memcpy(m.of.magic, "STDYRING", 8);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0) return sf_fail(c, "socket");
	int ok = path ? strlen(path) < sizeof a.sun_path && strcpy(a.sun_path, path) : sf_path(a.sun_path, sizeof a.sun_path) == 0;
	if (!ok) sf_fail(c, "path of the socket");
	else if (connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0) ok = sf_fail(c, a.sun_path) == 0;
	else ok = sf_write(c, &m, sizeof m) == 0 && sf_write(c, hello, m.payload) == 0 && sf_next(c, &m) == 1;
	if (ok) {
		c->slots = m.slot, c->batch = m.generation, c->width = m.of.accepted.width, c->height = m.of.accepted.height;
		c->input_slot = m.of.accepted.input_slot, c->output_slot = m.of.accepted.output_slot;
		c->frame_pitch = m.of.accepted.frame_pitch, c->frame_bytes = m.of.accepted.frame_bytes;
		ok = m.kind == SF_ACCEPTED && c->slots >= 1 && c->slots <= SF_MAX_SLOTS && c->batch >= 1 && c->frame_bytes <= c->frame_pitch &&
			(c->input_slot == 0 || c->frame_pitch <= c->input_slot / c->batch) &&
			(c->input_slot == 0 || (c->input = sf_map(c, c->slots * c->input_slot, 1))) &&
			(c->output_slot == 0 || (c->output = sf_map(c, c->slots * c->output_slot, 0)));
		if (!ok) sf_fail(c, "ACCEPTED");
		for (uint32_t i = 0; ok && i < c->slots; i++) {
			c->slot[i].generation = 1;
			c->slot[i].area = c->output ? c->output + i * c->output_slot : NULL;
			c->slot[i].bytes = c->output_slot;
		}
	}
	if (!ok) {
		if (!c->error[0]) snprintf(c->error, sizeof c->error, "the server closed the connection");
		sf_close(c);
	}
	return ok ? 0 : -1;
}

/* sf_frame returns where frame n of a slot is to be written: c->frame_bytes, planes one after the other, rows without gaps. */
static inline void *sf_frame(struct sf_conn *c, uint32_t slot, uint32_t n) {
	return c->input + slot * c->input_slot + n * c->frame_pitch;
}

/* sf_captured sends a submit with the time of its capture. */
static inline int sf_captured(struct sf_conn *c, struct sf_message *m) {
	m->of.submit.captured_us = c->captured_us;
	c->captured_us = 0;
	return sf_write(c, m, sizeof *m);
}

/* sf_submit hands a slot with n frames over; jpeg_bytes is the size of the JPEG in it where JPEGs are published, else 0. 0, or -1. */
static inline int sf_submit(struct sf_conn *c, uint32_t slot, uint32_t n, uint32_t jpeg_bytes) {
	struct sf_message m = { .kind = SF_SUBMIT, .slot = slot, .generation = c->slot[slot].generation };
	m.of.submit.frames = n;
	m.of.submit.bytes = jpeg_bytes;
	return sf_captured(c, &m);
}

/* sf_rect returns where x, y, width and height of region n go, in a scene that is movable; zeros stand for its place. */
static inline int32_t *sf_rect(struct sf_conn *c, uint32_t slot, uint32_t n) {
	return (int32_t *)(void *)(c->input + slot * c->input_slot + c->batch * c->frame_pitch + n * 16);
}

/* sf_submit_image hands the n regions of an image of a scene over, of that background; an index below 0 is one more than that of the
 * image before. flags is SF_RECTS where sf_rect says where all of them go, else 0. 0, or -1. */
static inline int sf_submit_image(struct sf_conn *c, uint32_t slot, uint32_t n, int64_t index, uint32_t flags) {
	struct sf_message m = { .kind = SF_SUBMIT, .slot = slot, .generation = c->slot[slot].generation };
	m.of.submit.frames = n;
	m.of.submit.flags = flags | (index >= 0 ? SF_INDEX : 0);
	m.of.submit.index = index >= 0 ? (uint64_t)index : 0;
	return sf_captured(c, &m);
}

/* sf_release gives the slot of an SF_IMAGE back. 0, or -1. */
static inline int sf_release(struct sf_conn *c, uint32_t slot) {
	struct sf_message m = { .kind = SF_RELEASE, .slot = slot, .generation = c->slot[slot].generation };
	return sf_write(c, &m, sizeof m);
}

/* sf_image finds image n of a slot that SF_DONE gave back. It returns 0, or the code of the frame's error, whose text *image is (it ends
 * with *bytes, or with a zero before, after which its field and limit follow); -1
 * when the server has sent what cannot be. */
static inline int sf_image(struct sf_conn *c, uint32_t slot, uint32_t n, const void **image, uint32_t *bytes) {
	uint32_t e[4];
	if ((n + 1) * sizeof e > c->slot[slot].bytes) return -1;
	memcpy(e, c->slot[slot].area + n * sizeof e, sizeof e);
	if ((uint64_t)e[0] + e[1] > c->slot[slot].bytes) return -1;
	*image = c->slot[slot].area + e[0];
	*bytes = e[1];
	return (int)e[2];
}

/* sf_alpha returns the gray JPEG of alpha of the image in a slot that SF_DONE gave back, of a transparent scene; NULL where there is none. */
static inline const void *sf_alpha(struct sf_conn *c, uint32_t slot, uint32_t *bytes) {
	uint32_t e[4];
	if (sizeof e > c->slot[slot].bytes) return NULL;
	memcpy(e, c->slot[slot].area, sizeof e);
	if (!e[3] || (uint64_t)e[0] + e[1] + e[3] > c->slot[slot].bytes) return NULL;
	*bytes = e[3];
	return c->slot[slot].area + e[0] + e[1];
}

/* sf_live returns the JPEG of an SF_IMAGE; NULL when the server has sent what cannot be. */
static inline const void *sf_live(struct sf_conn *c, const struct sf_message *m) {
	return m->of.image.bytes <= c->slot[m->slot].bytes ? c->slot[m->slot].area : NULL;
}

#endif

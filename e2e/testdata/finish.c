/* Publishes a frame, and ends the stream when its input ends. */
#include "steadyframe.h"

int main(void) {
	static struct sf_conn c;
	struct sf_message m;
	if (sf_open(&c, NULL, "{\"use\":\"publish\",\"stream\":\"c\",\"spec\":{\"input\":{\"format\":\"gray8\",\"width\":32,\"height\":32}}}") < 0 ||
		sf_submit(&c, 0, 1, 0) < 0 || (getchar(), sf_finish(&c, &m)) < 0) {
		fprintf(stderr, "%s\n", c.error);
		return 1;
	}
	sf_close(&c);
	return 0;
}

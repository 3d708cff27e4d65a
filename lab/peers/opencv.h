#ifdef __cplusplus
extern "C" {
#endif

typedef struct opencv opencv;

opencv *opencv_new(int w, int h, int ow, int oh, int floats, int area, int quality);
// opencv_paste has what opencv_encode resizes pasted onto a background at x, y, under a mask of its size if that is not null. It
// copies both.
void opencv_paste(opencv *, const void *background, int w, int h, int x, int y, const void *mask);
void opencv_free(opencv *);
const char *opencv_version(void);
// opencv_encode sets *out to the JPEG, good until the next call, and returns its length, or -1.
long opencv_encode(opencv *, const void *src, const unsigned char **out);

#ifdef __cplusplus
}
#endif

package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPublishCaptured: a frame has the time that the body says of it: in a line before raw frames, and in the head of a part.
func TestPublishCaptured(t *testing.T) {
	f := newTestAPI(t, nil)
	captured := time.Now().Add(-42 * time.Second).Truncate(time.Microsecond)
	line := fmt.Appendf(nil, "FRAME captured_us=%d\n", captured.UnixMicro())
	part := func(n int, stamp string) []byte {
		return bytes.Replace(jpegPart(jpegFrame(t, n)), []byte("\r\n\r\n"), []byte("\r\nX-Timestamp: "+stamp+"\r\n\r\n"), 1)
	}
	stamp := fmt.Sprintf("%d.%06d", captured.Unix(), captured.UnixMicro()%1e6)
	const raw, multipart = "?format=gray&size=64x32", "multipart/x-mixed-replace;boundary=frame"
	for n, tt := range []struct {
		what, query, kind string
		body              []byte // with the frame of that number
		now               bool   // the time is that of its coming
	}{
		{"line", raw, typeFrames, append(line, rawFrame(t, 0)...), false},
		{"line that says nothing", raw, typeFrames, append([]byte("FRAME\n"), rawFrame(t, 1)...), true},
		{"raw", raw, "application/octet-stream", rawFrame(t, 2), true},
		{"part", "", multipart, part(3, stamp), false},
		{"part of a camera with a clock of its own", "", multipart, part(4, "86400.5"), true},
		{"part that says nothing", "", multipart, jpegPart(jpegFrame(t, 5)), true},
	} {
		v := f.view("cam")
		begun := time.Now()
		if a := f.send("POST", "/v1/streams/cam"+tt.query, tt.kind, bytes.NewReader(tt.body)); a.status != http.StatusOK || a.Frames != 1 {
			t.Fatalf("%s: got %+v", tt.what, a)
		}
		image := f.wantFrame(v, n)
		if tt.now && (image.Captured.Before(begun) || image.Captured.After(time.Now())) || !tt.now && !image.Captured.Equal(captured) {
			t.Errorf("%s: got it captured %v ago, want %v, now: %v", tt.what, time.Since(image.Captured), time.Since(captured), tt.now)
		}
		v.Close()
	}
	for _, tt := range [][3]string{
		{raw, "frame", `frame 0 line: got \"frame`},
		{raw, "FRAME captured_us=12345678\n" + string(rawFrame(t, 7)), "captured_us: got 12345678, want microseconds since the Unix epoch, at most a minute ahead"},
		{"", "FRAME\n" + string(rawFrame(t, 7)), "want the pixel format of the body"},
	} {
		a := f.send("POST", "/v1/streams/cam"+tt[0], typeFrames, []byte(tt[1]+"\n"))
		if want := strings.ReplaceAll(tt[2], `\"`, `"`); a.status != http.StatusBadRequest || !strings.Contains(a.Detail, want) {
			t.Errorf("%.20q: got %d %q, want 400 and %q", tt[1], a.status, a.Detail, want)
		}
	}
	if a := f.send("POST", "/v1/encode"+raw, typeFrames, append(line, rawFrame(t, 7)...)); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("encode: got %d %q, want 415: only live frames have a time", a.status, a.Detail)
	}
}

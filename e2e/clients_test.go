package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// What programs of others send, as their source says, for the URLs that docs/clients.md has them enter. TOKEN is what Basic's user
// and password become, and what Bearer has.
var (
	requests   = []string{"User-Agent: python-requests/2.32.3", "Accept-Encoding: gzip, deflate", "Accept: */*", "Connection: keep-alive"}
	httpx      = []string{"Accept: */*", "Accept-Encoding: gzip, deflate, br", "Connection: keep-alive", "User-Agent: HomeAssistant/2026.11.0 httpx/0.28.1 Python/3.13"}
	aiohttp    = []string{"User-Agent: HomeAssistant/2026.11.0 aiohttp/3.12.15 Python/3.13", "Accept: */*", "Accept-Encoding: gzip, deflate, br"}
	goHTTP     = []string{"User-Agent: Go-http-client/1.1", "Accept-Encoding: gzip"}
	libav      = []string{"User-Agent: Lavf/59.27.100", "Accept: */*", "Range: bytes=0-", "Connection: close", "Icy-MetaData: 1"}
	vlc        = []string{"Accept: */*", "Accept-Language: en_US", "User-Agent: VLC/3.0.21 LibVLC/3.0.21", "Range: bytes=0-"}
	souphttp   = []string{"icy-metadata: 1", "transferMode.dlna.org: Streaming", "Accept-Encoding: identity", "User-Agent: GStreamer souphttpsrc 1.22.0 libsoup/3.2.2", "Connection: Keep-Alive"}
	wget       = []string{"User-Agent: Wget/1.21.3", "Accept: */*", "Accept-Encoding: identity", "Connection: Keep-Alive"}
	plainest   = []string{"Connection: close"} // Windows programs, and cameras' own clients
	basic      = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("any:secret"))
	bearer     = "Authorization: Bearer secret"
	browserImg = []string{"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
		"Accept-Encoding: gzip, deflate", "Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site", "Referer: http://printer.local/"}
	browserCORS = []string{"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept: */*", "Accept-Encoding: gzip, deflate",
		"Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site", "Referer: http://printer.local/", "Origin: http://printer.local"}
)

// requestsOfClients are what programs send for a URL of docs/clients.md.
var requestsOfClients = []struct {
	program string
	url     string // as it stands there; then what the program puts behind it
	behind  string
	send    []string
	auth    string // empty: the URL has it
	version string // of HTTP; empty: 1.1
	check   func(t *testing.T, body io.Reader)
}{
	{"HomeAssistant-mjpeg-setup", "http://HOST:8080/stream/NAME.mjpg", "", requests, basic, "", aPart},
	{"HomeAssistant-mjpeg-still", "http://HOST:8080/snapshot/NAME.jpg", "", requests, basic, "", anImage},
	{"HomeAssistant-mjpeg-show", "http://HOST:8080/stream/NAME.mjpg", "", aiohttp, basic, "", aPart},
	{"HomeAssistant-mjpeg-first-image", "http://HOST:8080/stream/NAME.mjpg", "", httpx, basic, "", firstImageByMarkers},
	{"HomeAssistant-generic-still", "http://HOST:8080/snapshot/NAME.jpg", "", httpx, basic, "", anImage},
	{"HomeAssistant-generic-stream", "http://HOST:8080/stream/NAME.mjpg", "", libav, basic, "", aPart},
	{"Frigate-go2rtc", "http://any:TOKEN@HOST:8080/stream/NAME.mjpg", "", goHTTP, basic, "", aPart},
	{"Frigate-go2rtc-snapshot", "http://any:TOKEN@HOST:8080/snapshot/NAME.jpg", "", goHTTP, basic, "", anImage},
	{"OctoPrint-stream", "http://HOST:8080/?action=stream&stream=NAME&access_token=TOKEN", "&1764480000000", browserImg, "", "", aPart},
	{"OctoPrint-snapshot", "http://HOST:8080/?action=snapshot&stream=NAME", "", requests, basic, "", anImage},
	{"OctoPrint-snapshot-bearer", "http://HOST:8080/?action=snapshot&stream=NAME", "", requests, bearer, "", anImage},
	{"Mainsail-adaptive", "http://HOST:8080/?action=snapshot&stream=NAME&access_token=TOKEN", "&bypassCache=1764480000000", browserImg, "", "", anImage},
	{"Mainsail-mjpegstreamer", "http://HOST:8080/?action=stream&stream=NAME&access_token=TOKEN", "&timestamp=1764480000000", browserCORS, "", "", imageByLength},
	{"Fluidd-mjpegstreamer", "http://HOST:8080/?action=stream&stream=NAME&access_token=TOKEN", "&cacheBust=1764480000000", browserImg, "", "", aPart},
	{"Fluidd-adaptive", "http://HOST:8080/?action=snapshot&stream=NAME&access_token=TOKEN", "&cacheBust=1764480000000", browserImg, "", "", anImage},
	{"moonraker-timelapse", "http://HOST:8080/?action=snapshot&stream=NAME&access_token=TOKEN", "", wget, "", "", anImage},
	{"mjpegcanvas", "http://HOST:8080/stream?topic=/NAME", "&width=640&height=480&quality=50", browserImg, basic, "", aPart},
	{"mjpegcanvas-old", "http://HOST:8080/stream?topic=/NAME", "?width=640?height=480", browserImg, basic, "", aPart},
	{"web_video_server-snapshot", "http://HOST:8080/snapshot?topic=/NAME", "", requests, basic, "", anImage},
	{"BlueIris", "http://HOST:8080/stream/NAME.mjpg", "", plainest, basic, "", aPart},
	{"BlueIris-1.0", "http://HOST:8080/stream/NAME.mjpg", "", plainest, basic, "1.0", aPart},
	{"BlueIris-jpeg", "http://HOST:8080/snapshot/NAME.jpg", "", plainest, basic, "1.0", anImage},
	{"OBS-ffmpeg-OpenCV", "http://any:TOKEN@HOST:8080/stream/NAME.mjpg", "", libav, basic, "", aPart},
	{"VLC", "http://any:TOKEN@HOST:8080/stream/NAME.mjpg", "", vlc, basic, "", aPart},
	{"GStreamer", "http://any:TOKEN@HOST:8080/stream/NAME.mjpg", "", souphttp, basic, "", aPart},
	{"browser-img", "http://HOST:8080/stream/NAME.mjpg?access_token=TOKEN", "", browserImg, "", "", aPart},
}

// Each program of docs/clients.md gets its images by the URL that the page has for it, and the page has no URL that this does not try.
func TestClientsPage(t *testing.T) {
	t.Parallel()
	s := daemon.Serve(t, program, []string{"STEADYFRAME_AUTH_TOKEN=secret"}, "--stream", "cam1=testsrc:128x64@25", "--set", "http.cors_origins=http://printer.local")
	var tried []string
	for _, tt := range requestsOfClients {
		tried = append(tried, tt.url)
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			path := strings.NewReplacer("http://", "", "any:TOKEN@", "", "HOST:8080", "", "NAME", "cam1", "TOKEN", "secret").Replace(tt.url) + tt.behind
			send := tt.send
			if tt.auth != "" {
				send = append(slices.Clone(send), tt.auth)
			}
			response := ask(t, s.HTTP, "GET", path, tt.version, send)
			if response.StatusCode != http.StatusOK {
				text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
				t.Fatalf("GET %s: got %s: %s", path, response.Status, text)
			}
			if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
				t.Errorf("got content encoding %q, want none: JPEGs do not get smaller", encoding)
			}
			if slices.Contains(send, "Origin: http://printer.local") && response.Header.Get("Access-Control-Allow-Origin") != "http://printer.local" {
				t.Errorf("got %v, want the page's origin allowed: its script reads the response", response.Header)
			}
			tt.check(t, response.Body)
			if head := ask(t, s.HTTP, "HEAD", path, tt.version, send); head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != response.Header.Get("Content-Type") {
				t.Errorf("HEAD %s: got %s and %q, want 200 and %q", path, head.Status, head.Header.Get("Content-Type"), response.Header.Get("Content-Type"))
			}
		})
	}
	found := regexp.MustCompile(`http://\S*HOST:8080[^\s#\x60"'|]*`).FindAllString(string(read(t, "../docs/clients.md")), -1)
	if len(found) < 20 {
		t.Errorf("docs/clients.md: got %d URLs, want 20 at least", len(found))
	}
	for _, url := range found {
		if url = strings.TrimRight(url, ".,;)"); url != "http://HOST:8080" && url != "http://HOST:8080/" && !slices.Contains(tried, url) {
			t.Errorf("docs/clients.md has %s, which no test tries", url)
		}
	}
}

// A page that is not listed sees nothing, and is told what to set; and a request without its token is told what is missing.
func TestClientsPageRefusals(t *testing.T) {
	t.Parallel()
	s := daemon.Serve(t, program, []string{"STEADYFRAME_AUTH_TOKEN=secret"}, "--stream", "cam1=testsrc:128x64@25")
	for _, tt := range []struct {
		path   string
		send   []string
		status int
		want   string
	}{
		{"/?action=stream&access_token=secret", browserImg, http.StatusForbidden, "http.cors_origins"},
		{"/stream/cam1.mjpg", libav, http.StatusUnauthorized, "valid token"},
		{"/stream?topic=/cam2", append(slices.Clone(requests), basic), http.StatusNotFound, "there are: cam1"},
		{"/stream?topic=/cam1&type=vp8", append(slices.Clone(requests), basic), http.StatusBadRequest, "mjpeg"},
		{"/stream", append(slices.Clone(requests), basic), http.StatusBadRequest, "topic"},
	} {
		response := ask(t, s.HTTP, "GET", tt.path, "", tt.send)
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode != tt.status || !strings.Contains(string(text), tt.want) {
			t.Errorf("GET %s: got %s: %s, want %d and %q", tt.path, response.Status, text, tt.status, tt.want)
		}
	}
}

// ask sends a request byte for byte, and returns the response, whose body may have no end.
func ask(t *testing.T, address, method, path, version string, headers []string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if version == "" {
		version = "1.1"
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/%s\r\nHost: %s\r\n%s\r\n\r\n", method, path, version, address, strings.Join(headers, "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// aPart checks that a body has parts, of which two are images.
func aPart(t *testing.T, body io.Reader) {
	t.Helper()
	n := 0
	eachPart(t, bufio.NewReader(body), func(_ textproto.MIMEHeader, data []byte) bool {
		decodes(t, data)
		n++
		return n < 2
	})
}

// anImage checks that a body is an image.
func anImage(t *testing.T, body io.Reader) {
	t.Helper()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	decodes(t, data)
}

func decodes(t *testing.T, data []byte) {
	t.Helper()
	if img, err := jpeg.Decode(bytes.NewReader(data)); err != nil || img.Bounds().Dx() != 128 {
		t.Fatalf("got %d bytes that are no image of 128 pixels: %v", len(data), err)
	}
}

// firstImageByMarkers reads as Home Assistant does: up to the first end of an image, from the first beginning of one.
func firstImageByMarkers(t *testing.T, body io.Reader) {
	t.Helper()
	var data []byte
	for chunk := make([]byte, 1000); ; {
		n, err := body.Read(chunk)
		data = append(data, chunk[:n]...)
		if end := bytes.Index(data, []byte{0xff, 0xd9}); end >= 0 {
			decodes(t, data[bytes.Index(data, []byte{0xff, 0xd8}):end+2])
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// imageByLength reads as Mainsail does: all before the first beginning of an image is a head, and its content-length counts.
func imageByLength(t *testing.T, body io.Reader) {
	t.Helper()
	r := bufio.NewReader(body)
	var head []byte
	for !bytes.HasSuffix(head, []byte{0xff, 0xd8}) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		head = append(head, b)
	}
	for line := range strings.Lines(strings.ToLower(string(head))) {
		if length, ok := strings.CutPrefix(line, "content-length:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(length))
			if err != nil || n < 2 {
				t.Fatalf("content-length: got %q", length)
			}
			data := make([]byte, n-2)
			if _, err := io.ReadFull(r, data); err != nil {
				t.Fatal(err)
			}
			decodes(t, append([]byte{0xff, 0xd8}, data...))
			return
		}
	}
	t.Fatalf("got head %q, want a content-length", head)
}

// Frigate without go2rtc lets ffmpeg read the stream with these options, and decode what it detects in.
func TestFrigatePreset(t *testing.T) {
	t.Parallel()
	s := daemon.Serve(t, program, []string{"STEADYFRAME_AUTH_TOKEN=secret"}, "--stream", "cam1=testsrc:128x64@25")
	page := string(read(t, "../docs/clients.md"))
	if !strings.Contains(page, "preset-http-mjpeg-generic") {
		t.Error("docs/clients.md does not name the preset")
	}
	args := "-hide_banner -loglevel warning -threads 2 -user_agent FFmpeg_Frigate/0.16 -avoid_negative_ts make_zero -fflags nobuffer -flags low_delay -strict experimental " +
		"-fflags +genpts+discardcorrupt -use_wallclock_as_timestamps 1 -i http://any:secret@" + s.HTTP + "/stream/cam1.mjpg -r 5 -vf fps=5,scale=128:64 -threads 2 -frames:v 3 -f rawvideo -pix_fmt yuv420p pipe:"
	out, err := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), strings.Fields(args)...).Output()
	if want := 3 * 128 * 64 * 3 / 2; err != nil || len(out) != want {
		t.Errorf("got %d bytes, %v, want %d", len(out), err, want)
	}
}

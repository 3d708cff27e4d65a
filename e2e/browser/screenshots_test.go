package browser

import (
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var gallery = flag.String("gallery", "", "take all views, at three widths, light and dark, into this folder")

var screenshots = flag.String("screenshots", "", "take the screenshots of the documents, into this folder")

// maxScreenshot is the most bytes a screenshot may have: it is in every clone for ever.
const maxScreenshot = 200_000

// shot is a screenshot of the documents.
type shot struct {
	file   string // .png, or .jpg for one that shows images, of which a PNG has five times the size
	w, h   int64
	dark   bool
	server *server
	view   string
	ready  string        // JavaScript that is true when there is something to see
	after  time.Duration // after that, so that charts have something to show
}

// TestScreenshots takes the screenshots, when told so: see scripts/screenshots.
func TestScreenshots(t *testing.T) {
	if *gallery != "" {
		takeGallery(t, *gallery)
		return
	}
	if *screenshots == "" {
		t.Skip("no folder given by -screenshots")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	empty := serve(t, "127.0.0.1:0", "")
	live := serve(t, "127.0.0.1:0", "", "larches=testsrc:640x360@25?seed=4", "meadow=testsrc:960x540@25",
		"night=testsrc:640x360@12?seed=3", "ridge=testsrc:1280x720@25?seed=5", "winter=testsrc:640x360@25?seed=2")
	for _, name := range []string{"larches", "meadow", "night", "ridge", "ridge", "winter"} {
		watch(t, live, name)
	}
	head := serve(t, "127.0.0.1:0", "")
	avatar := exec.CommandContext(t.Context(), buildAvatar(t), "-grpc", head.grpc, "-http", head.url(""))
	if err := avatar.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { avatar.Process.Kill(); avatar.Wait() })
	lost := publish(t, live, "barn")
	waitFor(t, "a stream to be online", func() bool { return lost.newest.Load() > publishedFPS })
	watch(t, live, "barn") // so that there are images of it
	seen := lost.newest.Load()
	waitFor(t, "its images", func() bool { return lost.newest.Load() > seen+publishedFPS })
	lost.end()

	images := "[...document.querySelectorAll('.screen')].every((screen) => screen.dataset.seq)"
	for _, s := range []shot{
		{"wall.jpg", 1440, 720, true, live, "", "document.querySelector('.tile[data-state=offline]') && " + images, 6 * time.Second},
		{"narrow.jpg", 360, 740, false, live, "", "document.querySelector('.tile')", 4 * time.Second},
		{"stream.jpg", 1440, 900, false, live, "stream/ridge", images, 45 * time.Second},
		{"avatar.jpg", 1080, 640, true, head, "stream/avatar", images + " && performance.now() > 15000 && " + mouthIsOpen, 0},
		{"dashboard.png", 1440, 960, true, live, "server", "document.querySelector('.card[data-state]')", 75 * time.Second},
		{"empty.png", 1024, 520, false, empty, "", "document.querySelector('.command')", time.Second},
	} {
		t.Run(s.file, func(t *testing.T) { s.take(t, *screenshots) })
	}
}

// mouthIsOpen is JavaScript that is true when the head of examples/avatar says something: it is dark between its lips.
const mouthIsOpen = `(() => {
	const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 }).getContext('2d');
	canvas.drawImage(document.querySelector('.screen canvas'), 0, 0, 640, 360);
	return canvas.getImageData(320, 231, 1, 1).data[0] < 120;
})()`

// watch is a viewer of a stream by MJPEG, until t ends.
func watch(t *testing.T, s *server, name string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/stream/"+name+".mjpg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}()
}

// take takes a screenshot, into a folder.
func (s shot) take(t *testing.T, folder string) {
	tab := open(t, s.server.url("/#/"+s.view), s.w, s.h)
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tab.await("something to see", s.ready)
	select {
	case <-time.After(s.after):
	case <-tab.ctx.Done():
		t.Fatal(tab.ctx.Err())
	}
	params := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if strings.HasSuffix(s.file, ".jpg") {
		quality := int64(82)
		params = page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg, Quality: &quality}
	}
	result, err := chromedp.Call(tab.ctx, page.CaptureScreenshot, params)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Data) > maxScreenshot {
		t.Errorf("%s has %d bytes, want at most %d", s.file, len(result.Data), maxScreenshot)
	}
	if err := os.WriteFile(filepath.Join(folder, s.file), result.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}

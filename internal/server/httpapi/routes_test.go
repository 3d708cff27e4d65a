package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// TestPathsThatAreAlmostRight: the response says which path is meant.
func TestPathsThatAreAlmostRight(t *testing.T) {
	f := newTestAPI(t, nil)
	for path, want := range map[string]string{
		"/stream/cars":       "/stream/cars.mjpg",
		"/stream/cars.jpg":   "/stream/cars.mjpg",
		"/stream/cam.raw":    "/stream/cam.raw.mjpg",
		"/stream/.mjpg":      "/stream/NAME.mjpg",
		"/snapshot/cars":     "/snapshot/cars.jpg",
		"/snapshot/cars.gif": "/snapshot/cars.gif.jpg",
		"/snapshot/.png":     "/snapshot/NAME.png",
		"/sound/cars.mp3":    "/sound/cars.mp3.wav",
		"/sound/cars":        "/sound/cars.wav",
		"/cars":              "one of those that GET / lists",
	} {
		if got := f.send(http.MethodGet, path, "", []byte{}); got.status != http.StatusNotFound || !strings.HasSuffix(got.Detail, "got path "+path+", want "+want) {
			t.Errorf("%s: got %d, %q, want %q", path, got.status, got.Detail, want)
		}
	}
}

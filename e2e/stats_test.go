package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"testing"
)

// serverStats is what tests want to know of GET /v1/stats.
type serverStats struct {
	Frames     struct{ OK, Failed uint64 }
	Live       struct{ Viewers int }
	Resident   uint64 `json:"rss_bytes"`
	Goroutines int
	Pool       poolStats
}

type poolStats struct {
	InUse   int64 `json:"in_use"` // bytes
	Classes []struct {
		InUse int `json:"in_use"` // buffers
	}
}

func (p poolStats) leased() (buffers int) {
	for _, c := range p.Classes {
		buffers += c.InUse
	}
	return buffers
}

func (s *served) stats(t testing.TB) (st serverStats) {
	t.Helper()
	if !s.getJSON(t, "/v1/stats", &st) {
		t.Fatal("GET /v1/stats: not found")
	}
	return st
}

// streamInfo is what they want to know of GET /v1/streams/{name}.
type streamInfo struct {
	State     string
	Arrived   int
	Published uint64
	FPSIn     float64 `json:"fps_in"`
	FPSOut    float64 `json:"fps_out"`
	Viewers   []viewerInfo
}

type viewerInfo struct {
	Peer               string
	Delivered, Dropped uint64
}

// stream returns what the server tells of a stream, nothing when there is none of that name.
func (s *served) stream(t testing.TB, name string) (info streamInfo) {
	t.Helper()
	s.getJSON(t, "/v1/streams/"+name, &info)
	return info
}

// viewer returns what it tells of the viewer on that connection, and whether there is one.
func (s *served) viewer(t testing.TB, name string, conn net.Conn) (known viewerInfo, ok bool) {
	t.Helper()
	viewers := s.stream(t, name).Viewers
	i := slices.IndexFunc(viewers, func(v viewerInfo) bool { return v.Peer == conn.LocalAddr().String() })
	if i < 0 {
		return viewerInfo{}, false
	}
	return viewers[i], true
}

// getJSON reads the answer to a GET, unless that is 404: then it returns false.
func (s *served) getJSON(t testing.TB, path string, dst any) bool {
	t.Helper()
	resp, err := http.Get("http://" + s.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return false
	}
	if err := json.NewDecoder(resp.Body).Decode(dst); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v", path, resp.StatusCode, err)
	}
	return true
}

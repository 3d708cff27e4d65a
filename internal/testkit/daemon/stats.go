package daemon

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"testing"
)

// Stats is the part of GET /v1/stats that tests look at.
type Stats struct {
	Frames     struct{ OK, Failed uint64 }
	Live       struct{ Viewers int }
	Resident   uint64 `json:"rss_bytes"`
	Goroutines int
	Pool       PoolStats
}

// PoolStats is the pool in Stats.
type PoolStats struct {
	InUse   int64 `json:"in_use"` // bytes
	Classes []struct {
		InUse int `json:"in_use"` // buffers
	}
}

// Leased returns how many buffers are leased.
func (p PoolStats) Leased() (buffers int) {
	for _, c := range p.Classes {
		buffers += c.InUse
	}
	return buffers
}

// Stats returns what GET /v1/stats says.
func (s *Server) Stats(t testing.TB) (st Stats) {
	t.Helper()
	if !s.GetJSON(t, "/v1/stats", &st) {
		t.Fatal("GET /v1/stats: not found")
	}
	return st
}

// StreamInfo is the part of GET /v1/streams/{name} that tests look at.
type StreamInfo struct {
	State     string
	Arrived   int
	Published uint64
	FPSIn     float64 `json:"fps_in"`
	FPSOut    float64 `json:"fps_out"`
	Viewers   []ViewerInfo
}

// ViewerInfo is a viewer in StreamInfo.
type ViewerInfo struct {
	Peer               string
	Delivered, Dropped uint64
}

// Stream returns the server's entry of a stream, nothing when there is none of that name.
func (s *Server) Stream(t testing.TB, name string) (info StreamInfo) {
	t.Helper()
	s.GetJSON(t, "/v1/streams/"+name, &info)
	return info
}

// Viewer returns the entry of the viewer on that connection, and whether there is one.
func (s *Server) Viewer(t testing.TB, name string, conn net.Conn) (known ViewerInfo, ok bool) {
	t.Helper()
	viewers := s.Stream(t, name).Viewers
	i := slices.IndexFunc(viewers, func(v ViewerInfo) bool { return v.Peer == conn.LocalAddr().String() })
	if i < 0 {
		return ViewerInfo{}, false
	}
	return viewers[i], true
}

// GetJSON reads the response to a GET, unless that is 404: then it returns false.
func (s *Server) GetJSON(t testing.TB, path string, dst any) bool {
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

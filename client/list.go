package client

import (
	"context"
	"time"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// StreamInfo is what is known of a live stream.
type StreamInfo struct {
	Name          string
	State         StreamState
	Since         time.Time // it has been in that state
	Source        string    // who feeds it, for people: "grpc 127.0.0.1:41234"
	Format        string    // what comes in, for people: "yuv420p 768x432"
	Width, Height int       // of the images, in pixels; 0 before the first
	FPSIn, FPSOut float64   // frames in and images out a second, over the last two seconds or so
	Arrived       uint64    // frames of all publishers since the stream was made, as the others below
	Published     uint64    // images made of them
	Same          uint64    // images that were equal to the one before, and therefore not published
	Dropped       Dropped
	ImageBytes    int // of the newest image
	SoundRate     int // samples of sound a second; 0: there is no sound
	SoundChannels int
	Listeners     int // of the sound
	// Of a cluster's stream whose publisher is on another server: the name of that server; the one that images come from to the server that
	// was asked, and how many times they are sent from one server to the next, if somebody watches them there; and how old the newest was
	// when it came.
	Node    string
	Via     string
	Hops    int
	Age     time.Duration
	Viewers []Viewer
}

// StreamState is the state of a live stream.
type StreamState int

// The states.
const (
	Waiting StreamState = iota // no frame has come yet
	Online                     // frames come
	Offline                    // the source is lost
)

// String returns the state in lower case.
func (s StreamState) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Online:
		return "online"
	case Offline:
		return "offline"
	}
	return "unknown"
}

// Viewer is what is known of one viewer of a live stream.
type Viewer struct {
	ID        uint64
	Transport string        // how it watches: "mjpeg", "websocket", "grpc", "snapshot"
	Peer      string        // from where
	Since     time.Time     // when it came
	FPS       float64       // images that it took a second, over the last two seconds or so
	Delivered uint64        // images that it took
	Dropped   uint64        // images that newer ones took the place of
	Lag       time.Duration // how old the last image that it took was then, from its capture
	Bytes     uint64        // of all images that it took
}

// ListStreams returns what is known of the server's live streams, sorted by name. The error is an *Error.
func (c *Client) ListStreams(ctx context.Context) ([]StreamInfo, error) {
	var response api.ListStreamsResponse
	if err := c.conn.Invoke(c.context(ctx), api.FrameService_ListStreams_FullMethodName, &api.ListStreamsRequest{}, &response); err != nil {
		return nil, toError(err)
	}
	list := make([]StreamInfo, len(response.GetStreams()))
	for i, m := range response.GetStreams() {
		list[i] = streamInfo(m)
	}
	return list, nil
}

// streamInfo returns what m says.
func streamInfo(m *api.StreamInfo) StreamInfo {
	s := StreamInfo{
		Name:       m.GetName(),
		State:      StreamState(m.GetState()), // They have the same numbers.
		Since:      time.UnixMicro(int64(m.GetSinceUs())),
		Source:     m.GetSource(),
		Format:     m.GetFormat(),
		Width:      int(m.GetWidth()),
		Height:     int(m.GetHeight()),
		FPSIn:      m.GetFpsIn(),
		FPSOut:     m.GetFpsOut(),
		Arrived:    m.GetArrived(),
		Published:  m.GetPublished(),
		Same:       m.GetSame(),
		Dropped:    dropped(m.GetDropped()),
		ImageBytes: int(m.GetPictureBytes()),

		SoundRate: int(m.GetSoundRate()), SoundChannels: int(m.GetSoundChannels()), Listeners: int(m.GetListeners()),

		Node: m.GetNode(), Via: m.GetVia(), Hops: int(m.GetHops()), Age: time.Duration(m.GetAgeUs()) * time.Microsecond,

		Viewers: make([]Viewer, len(m.GetViewers())),
	}
	for i, v := range m.GetViewers() {
		s.Viewers[i] = Viewer{
			ID:        v.GetId(),
			Transport: v.GetTransport(),
			Peer:      v.GetPeer(),
			Since:     time.UnixMicro(int64(v.GetSinceUs())),
			FPS:       v.GetFps(),
			Delivered: v.GetDelivered(),
			Dropped:   v.GetDropped(),
			Lag:       time.Duration(v.GetLagUs()) * time.Microsecond,
			Bytes:     v.GetBytes(),
		}
	}
	return s
}

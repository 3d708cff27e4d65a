package metrics

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestLiveMetrics(t *testing.T) {
	m := New()
	buffers := pooltest.New(t, nil)
	hub := stream.New(stream.Options{Lag: m.Lagged})
	m.Registry.MustRegister(NewLive(hub))
	for _, name := range []string{"fed", "idle"} {
		if err := hub.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	p, err := hub.Publish("fed", stream.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := stream.SoundFormat{Rate: 16000, Channels: 1}
	ring, err := buffers.Get(stream.SoundBytes(f))
	if err != nil {
		t.Fatal(err)
	}
	sound, err := hub.PublishSound("idle", f, ring)
	if err != nil {
		t.Fatal(err)
	}
	l, err := hub.Listen("idle", nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := hub.View("fed", stream.ViewerOptions{Transport: "mjpeg"})
	if err != nil {
		t.Fatal(err)
	}
	captured := time.Now().Add(-time.Minute)
	for n := range 3 { // of which the viewer sees the last
		b, err := buffers.Get(100)
		if err != nil {
			t.Fatal(err)
		}
		b.Bytes()[0] = byte(n)
		if err := p.Publish(stream.Image{Buf: b, Captured: captured}); err != nil {
			t.Fatal(err)
		}
		m.StreamFrameOK()
	}
	m.StreamFrameDropped(stream.Unseen)
	m.StreamFrameDropped(stream.NoMemory)
	m.SourceLost()
	pic, err := v.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.Delivered(&pic)
	pic.Release()
	p.Skip() // It releases the newest JPEG.

	want := []string{
		"steadyframe_listeners{} 1", "steadyframe_source_losses_total{} 1",
		"steadyframe_stream_frames_total{capped} 0", "steadyframe_stream_frames_total{failed} 0", "steadyframe_stream_frames_total{newer} 0",
		"steadyframe_stream_frames_total{no_memory} 1", "steadyframe_stream_frames_total{ok} 3", "steadyframe_stream_frames_total{unseen} 1",
		"steadyframe_streams_with_sound{} 1", "steadyframe_streams{offline} 0", "steadyframe_streams{online} 1", "steadyframe_streams{waiting} 1",
		"steadyframe_viewer_frames_delivered_total{mjpeg} 1", "steadyframe_viewer_frames_dropped_total{newer,mjpeg} 2",
		"steadyframe_viewer_held_bytes{} 0", "steadyframe_viewer_sent_bytes_total{mjpeg} 100",
		"steadyframe_viewers_evicted_total{mjpeg} 0", "steadyframe_viewers{mjpeg} 1",
	}
	if got := gathered(t, m, "steadyframe_listeners", "steadyframe_source", "steadyframe_stream", "steadyframe_viewer"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n, lag := m.viewerLag.Count(), m.viewerLag.Quantile(1); n != 1 || lag < time.Minute {
		t.Errorf("got %d lags, the largest %v, want one of a minute", n, lag)
	}
	l.Close()
	sound.Close()
	if got := gathered(t, m, "steadyframe_listeners", "steadyframe_streams_with"); !slices.Equal(got, []string{"steadyframe_listeners{} 0", "steadyframe_streams_with_sound{} 0"}) {
		t.Errorf("got %q after the sound has ended, want none", got)
	}
	v.Close()
	if got := gathered(t, m, "steadyframe_viewers", "steadyframe_viewer_frames_delivered"); !slices.Equal(got, []string{
		"steadyframe_viewer_frames_delivered_total{mjpeg} 1", "steadyframe_viewers_evicted_total{mjpeg} 0", "steadyframe_viewers{mjpeg} 0",
	}) {
		t.Errorf("got %q after the viewer has left, want its counts kept", got)
	}
}

// gathered returns the counters and gauges whose names begin with one of prefixes, as NAME{LABEL VALUES} VALUE, sorted.
func gathered(t *testing.T, m *Metrics, prefixes ...string) (lines []string) {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.GetName(), p) }) {
			continue
		}
		for _, metric := range f.Metric {
			if metric.Histogram != nil {
				continue
			}
			var labels []string
			for _, l := range metric.Label {
				labels = append(labels, l.GetValue())
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			lines = append(lines, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), value))
		}
	}
	slices.Sort(lines)
	return lines
}

package ffmpeg

import (
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// TestArgs: the name of an input is never an option, a protocol or a pattern.
func TestArgs(t *testing.T) {
	const quiet = "-hide_banner -nostats -loglevel repeat+level+info "
	tests := []struct {
		name   string
		o      Options
		want   string // from the first argument to the input
		filter string // the beginning of the chain of filters
	}{
		{"file", Options{Path: "a.mp4"}, "-nostdin -i file:a.mp4", "scale=w="},
		{"hyphen", Options{Path: "-x.mp4"}, "-nostdin -i file:-x.mp4", "scale=w="},
		{"colon", Options{Path: "a:b.mp4"}, "-nostdin -i file:a:b.mp4", "scale=w="},
		{"percent-video", Options{Path: "a%03d.mp4"}, "-nostdin -i file:a%03d.mp4", "scale=w="},
		{"percent-image", Options{Path: "a%03d.png"}, "-i pipe:0", "scale=w="},
		{"star-image", Options{Path: "a*.JPG"}, "-i pipe:0", "scale=w="},
		{"loop", Options{Path: "a.mp4", Loop: true}, "-nostdin -stream_loop -1 -i file:a.mp4", "scale=w="},
		{"live", Options{Path: "a.mp4", Live: true}, "-nostdin -re -stream_loop -1 -i file:a.mp4", "scale=w="},
		{"live-still", Options{Path: "/a b/c:d.JPG", Live: true}, "-nostdin -i file:/a b/c:d.JPG", "loop=-1:1,settb=1,setpts=N,realtime,scale=w="},
		{"camera", Options{Path: "/dev/video0"}, "-nostdin -f v4l2 -i /dev/video0", "scale=w="},
		{"rtsp", Options{URL: "rtsp://u:p@h/1", Live: true}, "-nostdin -rtsp_transport tcp -i rtsp://u:p@h/1", "scale=w="},
		{"http", Options{URL: "http://h/a.m3u8", Live: true}, "-nostdin -i http://h/a.m3u8", "scale=w="},
		{"stdin", Options{Stdin: strings.NewReader("")}, "-i pipe:0", "scale=w="},
		{"ignore-sar", Options{Path: "a.mp4", IgnoreSAR: true}, "-nostdin -i file:a.mp4", "scale=flags="},
		{"range", Options{Path: "a.mp4", Range: frame.RangeFull}, "-nostdin -i file:a.mp4", "setparams=range=full,scale="},
		{"hdr", Options{Path: "a.mp4", hdr: "PQ", in: frameInfo{matrix: "bt2020nc", colorRange: "tv"}}, "-nostdin -i file:a.mp4", "setparams=color_primaries=bt2020,zscale=t=linear:npl=203:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.o.args()
			n := slices.Index(args, "-map")
			if got := strings.Join(args[:n], " "); got != quiet+tt.want {
				t.Errorf("got %s\nwant %s", got, quiet+tt.want)
			}
			if filter := args[slices.Index(args, "-vf")+1]; !strings.HasPrefix(filter, tt.filter) || !strings.HasSuffix(filter, ",showinfo=checksum=0") {
				t.Errorf("filters: got %s, want %s at the beginning", filter, tt.filter)
			}
		})
	}
}

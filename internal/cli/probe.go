package cli

import (
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// probe is what ffprobe says of the first video stream of a file.
type probe struct {
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	PixFmt     string `json:"pix_fmt"`
	ColorRange string `json:"color_range"`
	ColorSpace string `json:"color_space"`
	NBFrames   string `json:"nb_frames"`
	FrameRate  string `json:"avg_frame_rate"` // a ratio: "30000/1001", or "0/0"
}

// probeFile asks ffprobe about the first video stream of url. A zero probe means that nothing is known: there is no ffprobe, or it could
// not read the file, which ffmpeg will say better.
func probeFile(ctx context.Context, url string) probe {
	path, err := exec.LookPath("ffprobe")
	if err != nil {
		return probe{}
	}
	out, err := exec.CommandContext(ctx, path, "-v", "error", "-select_streams", "v:0", "-of", "json",
		"-show_entries", "stream=width,height,pix_fmt,color_range,color_space,nb_frames,avg_frame_rate", "-i", url).Output()
	if err != nil {
		return probe{}
	}
	var answer struct {
		Streams []probe `json:"streams"`
	}
	if json.Unmarshal(out, &answer) != nil || len(answer.Streams) == 0 {
		return probe{}
	}
	return answer.Streams[0]
}

// frames returns the number of frames, 0 when unknown.
func (p probe) frames() int {
	n, err := strconv.Atoi(p.NBFrames)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// fps returns the frames a second, 0 when unknown.
func (p probe) fps() float64 {
	n, d, _ := strings.Cut(p.FrameRate, "/")
	num, errNum := strconv.ParseFloat(n, 64)
	den, errDen := strconv.ParseFloat(d, 64)
	if errNum != nil || errDen != nil || !(num > 0 && den > 0) {
		return 0
	}
	return num / den
}

// pixFmt is the format to ask of ffmpeg: that of the stream where a Y4M or PPM pipe can carry it and we can read it, so that ffmpeg
// converts nothing. What is not known is most likely a video, so yuv420p.
func (p probe) pixFmt() string {
	switch f := p.PixFmt; {
	case f == "", strings.HasPrefix(f, "yuv420p"), f == "nv12", f == "nv21", f == "p010le":
		if p.ColorRange == "pc" {
			return "yuvj420p" // yuv420p in full range; asking for yuv420p would make ffmpeg squeeze it into limited range
		}
		return "yuv420p"
	case f == "yuvj420p":
		return "yuvj420p"
	case strings.HasPrefix(f, "gray"):
		return "gray"
	}
	return "rgb24" // RGB, palettes, and YUV with more chroma than 4:2:0 has
}

// color is the matrix of the stream: what it says, and where it says nothing what video players take, BT.709 for high definition
// (mpv's mp_csp_guess_colorspace: 1280 or more wide, or more than 576 high).
func (p probe) color() frame.ColorSpace {
	switch p.ColorSpace {
	case "bt709":
		return frame.BT709
	case "", "unknown":
		if p.Width >= 1280 || p.Height > 576 {
			return frame.BT709
		}
	}
	return frame.BT601
}

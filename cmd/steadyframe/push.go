package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// pushCmd is steadyframe push. Flags that were not given are not sent: the server has settings of its own for a stream.
type pushCmd struct {
	Input string   `arg:"" optional:"" help:"A video, image or camera (decoded by ffmpeg), a folder or pattern of images, JPEGs (NAME.mjpeg), a URL (http://camera/video.mjpg, rtsp://camera/1), Y4M, raw frames, or - for standard input. Default: standard input."`
	URLs  []string `arg:"" optional:"" name:"url" help:"The server: http://host:port, https://host, unix:/path; /v1/streams/NAME may follow. Of several, the first that can be reached gets the stream, and the next one when it is lost. Default: http://127.0.0.1:8080."`

	Stream   string `placeholder:"NAME" help:"Name of the stream. Default: what the URL says, else the name of INPUT without its ending; live for standard input."`
	Token    string `env:"STEADYFRAME_AUTH_TOKEN" placeholder:"TOKEN" help:"Token that the server asks for (its setting auth.token)."`
	CA       string `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM file with certificate authorities to trust in addition to the system's."`
	Insecure bool   `help:"Do not verify the server's certificate."`

	Format  *frame.PixelFormat `group:"input" placeholder:"FORMAT" values:"bgr24,rgb24,bgra,rgba,gray,yuv420p,nv12,bgr24p,rgb24p,bgrf32p,rgbf32p,bgrf32,rgbf32,bgrf16p,rgbf16p,bgrf16,rgbf16" help:"INPUT is raw frames: bgr24, rgb24, bgra, rgba, gray, yuv420p (i420) or nv12; tensors of shape (3,H,W): rgb24p, rgbf32p or rgbf16p; or (H,W,3): rgbf32 or rgbf16; or these with bgr. Needs --size."`
	Size    size               `group:"input" placeholder:"WxH" help:"Width and height of raw frames."`
	Range   frame.ValueRange   `group:"input" default:"default" placeholder:"RANGE" values:"full,limited,0..1,0..255,-1..1" help:"Range of the samples: full or limited; for floats 0..1, 0..255 or --range=-1..1. Overrides what INPUT says. Default: what INPUT says, else the usual one of its format."`
	Color   *frame.ColorSpace  `group:"input" placeholder:"MATRIX" values:"bt601,bt709" help:"Matrix of luma and chroma: bt601 or bt709. Overrides what INPUT says. Default: what a video says; if it says nothing, bt709 from 720 lines or 1280 columns on, else bt601."`
	SAR     string             `group:"input" name:"sar" enum:"square,ignore" default:"square" placeholder:"WHAT" help:"What to do with pixels that are not square: square scales frames to their display size, ignore keeps them as stored. Default: square."`
	FPS     float64            `group:"input" name:"fps" placeholder:"N" help:"Read N frames per second. Default: a file at the times of its frames, or at 25; a pipe or camera as frames come; the snapshot of a URL once per second."`
	Loop    bool               `group:"input" help:"Start a file or folder over at its end."`
	NoSound bool               `group:"input" help:"Do not send the sound of a video file."`
	Strict  bool               `group:"input" help:"Stop at a file in a folder that is not an image, instead of skipping it."`

	Crop       *pipeline.Rect   `group:"image" placeholder:"WxH+X+Y" help:"Crop each frame to this rectangle first."`
	Resize     resize           `group:"image" placeholder:"WxH" help:"Size of the images. 320x or x320: the other side follows from the aspect ratio."`
	Mode       *pipeline.Mode   `group:"image" placeholder:"MODE" values:"stretch,fit,fill" help:"How to resize if the aspect ratio changes: stretch, fit or fill."`
	Filter     *pipeline.Filter `group:"image" placeholder:"FILTER" values:"bilinear,area,nearest" help:"bilinear, area or nearest."`
	Background *pipeline.Color  `group:"image" placeholder:"RRGGBB" help:"Color around the image in mode fit."`

	Quality     int               `group:"jpeg" placeholder:"N" help:"JPEG quality, 1 to 100, on libjpeg's scale."`
	Subsampling *jpeg.Subsampling `group:"jpeg" placeholder:"S" values:"420,422,444,gray" help:"Chroma: 420, 422, 444 or gray."`
	Restart     *pipeline.Restart `group:"jpeg" placeholder:"R" values:"none,row" help:"Restart markers: none, row or every N blocks."`
	Reuse       *pipeline.Reuse   `group:"jpeg" placeholder:"WHAT" values:"none,segments" help:"segments: parts of a frame that are as in the one before keep their bytes of the JPEG."`
	Noise       int               `group:"jpeg" placeholder:"N" help:"With --reuse, levels of 8 bits by which a sample may differ and count as unchanged. Default: 0."`

	JSON bool `group:"run" name:"json" help:"Print the figures at the end, and any error, as one line of JSON on standard error, and nothing else."`
}

// Help is the longer text of steadyframe push --help.
func (pushCmd) Help() string {
	return `Publishes a live stream on a server: a file at its own rate, a pipe or camera as frames come. The server encodes the images,
as the flags below say, and shows them to any number of viewers. JPEGs are passed on as they are, unless a flag asks for
other images. The sound of a video file is the sound of the stream, in step with its frames, unless --fps or --no-sound is given.

A lost connection is made again after 0.25 to 2.5 s. A file waits meanwhile. A pipe is read on, so that its writer does not
wait; its frames are dropped and counted, and the newest one is sent. A permanent refusal (wrong token, another publisher
took the stream over, untrusted certificate, a port that is not HTTP) ends the run with advice.

Of several servers, such as the nodes of a cluster, one gets the stream. When it is lost the next one does, at once; one that
refuses the stream for good is left out. With several, say what INPUT is, - for standard input.

At the end, a summary goes to standard error:
  pushed 377 frames in 15.1 s (25.0 fps, 99.8 Mbit/s), 0 dropped, 0 reconnects

Exit code: 0, or 1 when something failed, 2 when the command line is wrong, 130 when interrupted.

Examples:
  steadyframe push --loop clip.mp4 http://127.0.0.1:8080
  steadyframe push /dev/video0 http://127.0.0.1:8080 --stream door --resize 640x
  ffmpeg -re -i clip.mp4 -f yuv4mpegpipe - | steadyframe push --stream clip http://127.0.0.1:8080
  steadyframe push --loop clip.mp4 http://10.0.0.5:8080 http://10.0.0.6:8080
  camera | steadyframe push - --format bgr24 --size 640x360 http://127.0.0.1:8080`
}

// defaultPushURL is where a server listens by default.
const defaultPushURL = "http://127.0.0.1:8080"

// AfterApply checks what no single flag can know.
func (c *pushCmd) AfterApply() error {
	if len(c.URLs) == 0 && cli.IsPushURL(c.Input) { // the one argument
		c.Input, c.URLs = "", []string{c.Input}
	}
	if c.Input == "" {
		c.Input = "-"
	}
	if len(c.URLs) == 0 {
		c.URLs = []string{defaultPushURL}
	}
	if err := checkRaw(c.Format, c.Size); err != nil {
		return err
	}
	switch {
	case c.Quality < 0 || c.Quality > 100:
		return fmt.Errorf("--quality: got %d, want 1 to 100", c.Quality)
	case !(c.FPS >= 0 && c.FPS <= 1e6): // also what is no number
		return fmt.Errorf("--fps: got %v, want more than 0, and at most 1000000", c.FPS)
	}
	return nil
}

// Run is called by kong.
func (c *pushCmd) Run(ctx context.Context) error {
	summary, err := c.push(ctx)
	if c.JSON {
		if err != nil {
			summary.Error = cli.Message(err)
		}
		summary.WriteJSON(os.Stderr)
		if err != nil {
			return &cli.ReportedError{Err: err}
		}
		return nil
	}
	if summary.Warning != "" {
		fmt.Fprintf(os.Stderr, "steadyframe: %s\n", summary.Warning)
	}
	if err == nil || summary.Frames > 0 {
		fmt.Fprintln(os.Stderr, summary)
	}
	return err
}

func (c *pushCmd) push(ctx context.Context) (cli.PushSummary, error) {
	targets, err := cli.ParsePushTargets(c.URLs, c.Stream, c.Input)
	if err != nil {
		return cli.PushSummary{}, err
	}
	if err := cli.TrustAll(targets, c.CA, c.Insecure); err != nil {
		return cli.PushSummary{}, err
	}
	source, err := cli.OpenPush(ctx, c.input(), c.Loop, pool.New(nil))
	if err != nil {
		return cli.PushSummary{}, usageIfGeometry(err)
	}
	defer source.Close()
	bar := cli.NewPushBar(os.Stderr, source.Total, c.JSON)
	push := cli.Push{
		Source: source, Targets: targets, Token: c.Token, Query: c.query(), FPS: c.FPS,
		Progress: bar.Show, Notice: bar.Notice, Taken: func(watch string) { bar.Notice("watch: " + watch) },
	}
	summary, err := push.Run(ctx)
	bar.Close()
	if err == nil && summary.Frames == 0 {
		err = fmt.Errorf("input %s has no frame", redact.URL(c.Input))
	}
	if err == nil {
		err = source.Skipped()
	}
	if warning := source.Warning(); warning != "" {
		summary.Warning = warning
	}
	return summary, err
}

func (c *pushCmd) input() cli.Input {
	in := cli.Input{Path: c.Input, Stdin: os.Stdin, Range: c.Range, Color: c.Color, IgnoreSAR: c.SAR == sarIgnore, Strict: c.Strict, Sound: !c.NoSound && c.FPS == 0}
	if c.FPS > 0 {
		in.Every = time.Duration(float64(time.Second) / c.FPS)
	}
	if c.Format != nil {
		in.Raw = frame.Desc{Format: *c.Format, Width: c.Size.Width, Height: c.Size.Height}
	}
	return in
}

// query returns what the flags ask of the server.
func (c *pushCmd) query() url.Values {
	q := url.Values{}
	if c.Crop != nil {
		q.Set("crop", c.Crop.String())
	}
	if c.Resize != (resize{}) {
		q.Set("resize", c.Resize.String())
	}
	if c.Mode != nil {
		q.Set("mode", c.Mode.String())
	}
	if c.Filter != nil {
		q.Set("filter", c.Filter.String())
	}
	if c.Background != nil {
		q.Set("background", c.Background.String())
	}
	if c.Quality > 0 {
		q.Set("quality", strconv.Itoa(c.Quality))
	}
	if c.Subsampling != nil {
		q.Set("subsampling", c.Subsampling.String())
	}
	if c.Restart != nil {
		q.Set("restart", c.Restart.String())
	}
	if c.Reuse != nil {
		q.Set("reuse", c.Reuse.String())
	}
	if c.Noise > 0 {
		q.Set("noise", strconv.Itoa(c.Noise))
	}
	return q
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// encodeCmd is steadyframe encode.
type encodeCmd struct {
	Input string `arg:"" help:"A video or image (decoded by ffmpeg), a folder or pattern of images ('photos/*.jpg'), a URL (http://camera/video.mjpg, rtsp://camera/1), Y4M, raw frames, or - for standard input."`
	Out   string `short:"o" required:"" placeholder:"OUT" help:"A folder (frame-000001.jpg and so on), NAME.mjpeg (JPEGs one after the other), NAME.jpg (one image), or - for standard output."`
	Force bool   `short:"f" help:"Overwrite existing output. Images that a longer run left in a folder stay."`

	Format *frame.PixelFormat `group:"input" placeholder:"FORMAT" values:"bgr24,rgb24,bgra,rgba,gray,yuv420p,nv12,bgr24p,rgb24p,bgrf32p,rgbf32p,bgrf32,rgbf32,bgrf16p,rgbf16p,bgrf16,rgbf16" help:"INPUT is raw frames: bgr24, rgb24, bgra, rgba, gray, yuv420p (i420) or nv12; tensors of shape (3,H,W): rgb24p, rgbf32p or rgbf16p; or (H,W,3): rgbf32 or rgbf16; or these with bgr. Needs --size."`
	Size   size               `group:"input" placeholder:"WxH" help:"Width and height of raw frames."`
	Range  frame.ValueRange   `group:"input" default:"default" placeholder:"RANGE" values:"full,limited,0..1,0..255,-1..1" help:"Range of the samples: full or limited; for floats 0..1, 0..255 or --range=-1..1. Overrides what INPUT says. Default: what INPUT says, else the usual one of its format (limited for yuv420p and nv12, 0..1 for floats)."`
	Color  *frame.ColorSpace  `group:"input" placeholder:"MATRIX" values:"bt601,bt709" help:"Matrix of luma and chroma: bt601 or bt709. Overrides what INPUT says. Default: what a video says; if it says nothing (as Y4M), bt709 from 720 lines or 1280 columns on, else bt601; bt601 for raw frames."`
	SAR    string             `group:"input" name:"sar" enum:"square,ignore" default:"square" placeholder:"WHAT" help:"What to do with pixels that are not square: square scales frames to their display size, ignore keeps them as stored. Default: square."`
	Frames int                `group:"input" placeholder:"N" help:"Stop after N frames."`
	Strict bool               `group:"input" help:"Stop at a file in a folder that is not an image, instead of skipping it."`
	FPS    float64            `group:"input" name:"fps" placeholder:"N" help:"Read N frames per second, as from a live source; request the snapshot of a URL N times per second. Default: as fast as possible, and a snapshot once."`

	Crop       pipeline.Rect   `group:"image" placeholder:"WxH+X+Y" help:"Crop each frame to this rectangle first."`
	Resize     resize          `group:"image" placeholder:"WxH" help:"Size of the images. 320x or x320: the other side follows from the aspect ratio."`
	Mode       pipeline.Mode   `group:"image" default:"stretch" placeholder:"MODE" values:"stretch,fit,fill" help:"How to resize if the aspect ratio changes: stretch, fit (the whole image, with --background around it) or fill (its center). Default: stretch."`
	Filter     pipeline.Filter `group:"image" default:"bilinear" placeholder:"FILTER" values:"bilinear,area,nearest" help:"bilinear, area (best for shrinking by more than 2) or nearest. Default: bilinear."`
	Background pipeline.Color  `group:"image" default:"#000000" placeholder:"RRGGBB" help:"Color around the image in mode fit. Default: 000000."`

	Quality     int              `group:"jpeg" default:"75" placeholder:"N" help:"JPEG quality, 1 to 100, on libjpeg's scale. Default: 75."`
	Subsampling jpeg.Subsampling `group:"jpeg" default:"420" placeholder:"S" values:"420,422,444,gray" help:"Chroma: 420, 422, 444 or gray. Default: 420."`
	Restart     pipeline.Restart `group:"jpeg" default:"none" placeholder:"R" values:"none,row" help:"Restart markers: none, row (after each row of blocks, which lets all workers share one large image) or every N blocks. Default: none."`
	Reuse       pipeline.Reuse   `group:"jpeg" default:"none" placeholder:"WHAT" values:"none,segments" help:"segments: parts of a frame that are as in the one before keep their bytes of the JPEG. Default: none."`
	Noise       int              `group:"jpeg" placeholder:"N" help:"With --reuse, levels of 8 bits by which a sample may differ and count as unchanged, up to 255. Default: 0."`

	Scene string `group:"scene" placeholder:"DIR" help:"Paste each frame onto a background of the scene in this folder, in its first place (docs/scenes.md); its settings are the images'."`
	Index int    `group:"scene" placeholder:"N" help:"Index of the first frame's background. Default: 0."`

	Batch   int  `group:"run" placeholder:"N" help:"Number of frames encoded together. Default: 25; fewer if that is more than 64 MiB, or if a live input is slow (a frame waits 100 ms at most)."`
	Workers int  `group:"run" placeholder:"N" help:"Number of encoding goroutines. Default: one per processor. The images are the same for any number."`
	JSON    bool `group:"run" name:"json" help:"Print the figures at the end, and any error, as one line of JSON on standard error."`
}

// Help is the longer text of steadyframe encode --help.
func (encodeCmd) Help() string {
	return `With --format and --size, INPUT is raw frames. Otherwise it is Y4M if its first bytes say so, or anything that the ffmpeg on
PATH decodes. Each decoded frame is encoded once, in its own size and with the colors that the stream names; alpha is
ignored, and HDR (PQ, HLG) becomes SDR. If the size changes inside INPUT, the size of the images changes too, unless
--resize gives both sides.

A folder or pattern is read file by file, in natural order (img2 before img10), without its subfolders and hidden files. A
file that is cut short, empty or not an image is skipped and named. If a file has the name of the pattern, it is that file.

At the end, a summary goes to standard error:
  encoded 377 frames in 0.41 s (919 fps), p50 1.0 ms p99 1.4 ms, 0.0 allocs/frame, 0 collections
p50 and p99 are percentiles of the encoding time of a frame: the time of its batch, divided by the frames of the batch.
allocs/frame and collections count those of the whole process, including the progress bar on a terminal, after a warm-up of
4 batches.

Exit code: 0, or 1 when something failed or a file was skipped (each image written before is whole), 2 when the command
line is wrong, 130 when interrupted.

Examples:
  steadyframe encode clip.mp4 --resize 320x320 -o out/
  steadyframe encode photo.png --quality 90 -o photo.jpg
  steadyframe encode faces.mp4 --scene avatars/anna -o out/
  camera | steadyframe encode - --format bgr24 --size 640x360 -o - | viewer`
}

// AfterApply checks what no single flag can know.
func (c *encodeCmd) AfterApply() error {
	if err := checkRaw(c.Format, c.Size); err != nil {
		return err
	}
	switch {
	case c.Quality < 1 || c.Quality > 100:
		return fmt.Errorf("--quality: got %d, want 1 to 100", c.Quality)
	case !(c.FPS >= 0 && c.FPS <= 1e6): // also what is no number
		return fmt.Errorf("--fps: got %v, want more than 0, and at most 1000000", c.FPS)
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"frames", c.Frames}, {"batch", c.Batch}, {"workers", c.Workers}} {
		if f.n < 0 {
			return fmt.Errorf("--%s: got %d, want 1 or more", f.name, f.n)
		}
	}
	return c.checkScene()
}

// checkScene refuses flags for images whose settings are a scene's.
func (c *encodeCmd) checkScene() error {
	switch {
	case c.Index < 0:
		return fmt.Errorf("--index: got %d, want 0 or more", c.Index)
	case c.Scene == "" && c.Index != 0:
		return errors.New("--index is that of a background and needs --scene")
	case c.Scene == "":
		return nil
	case c.Crop != pipeline.Rect{} || c.Resize != resize{}:
		return errors.New("--scene says where frames go and how large they are, without --crop and --resize")
	case c.Quality != jpeg.DefaultQuality || c.Subsampling != jpeg.Sub420 || c.Restart != pipeline.RestartNone:
		return errors.New("--scene has the settings of its JPEGs in scene.json, without --quality, --subsampling and --restart")
	}
	return nil
}

// checkRaw refuses one of the flags that describe raw frames without the other.
func checkRaw(format *frame.PixelFormat, s size) error {
	switch {
	case format == nil && s != (size{}):
		return errors.New("--size is the size of raw frames and needs --format, such as --format bgr24")
	case format != nil && s == (size{}):
		return errors.New("--format is for raw frames and needs --size, such as --size 640x360")
	}
	return nil
}

// Run is called by kong.
func (c *encodeCmd) Run(ctx context.Context) error {
	summary, err := c.encode(ctx)
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

func (c *encodeCmd) encode(ctx context.Context) (cli.Summary, error) {
	p := pool.New(nil)
	source, err := cli.Open(ctx, c.input(), p)
	if err != nil {
		return cli.Summary{}, usageIfGeometry(err)
	}
	defer source.Close()
	spec := c.spec(source.Desc())
	if err := spec.Validate(); err != nil {
		return cli.Summary{}, usageIfGeometry(err)
	}
	var onto *scene.Scene
	if c.Scene != "" {
		if onto, err = cli.LoadScene(ctx, c.Scene, p); err != nil {
			return cli.Summary{}, err
		}
		defer onto.Close()
	}
	if err := cli.CheckOutput(spec); err != nil {
		return cli.Summary{}, err
	}
	if err := cli.CheckDistinct(c.Input, c.Out); err != nil {
		return cli.Summary{}, err
	}
	sink, err := cli.OpenSink(c.Out, c.Force, os.Stdout)
	if err != nil {
		return cli.Summary{}, err
	}
	total := source.Total
	if c.Frames > 0 && (total == 0 || c.Frames < total) {
		total = c.Frames
	}
	bar := cli.NewProgress(os.Stderr, total, c.JSON)
	job := cli.Job{
		Source: source, Spec: spec, Sink: sink, Pool: p, Scene: onto, Index: c.Index,
		Workers: c.Workers, Batch: c.Batch, FPS: c.FPS, Frames: c.Frames, Progress: bar.Add,
	}
	summary, err := job.Run(ctx)
	bar.Close()
	if err == nil && summary.Frames == 0 {
		err = fmt.Errorf("input %s has no frame", redact.URL(c.Input))
	}
	if closeErr := sink.Close(err == nil); err == nil {
		err = closeErr
	}
	switch {
	case errors.Is(err, cli.ErrOneImage):
		return cli.Summary{}, err
	case err == nil:
		summary.Warning = source.Warning()
		err = source.Skipped()
	}
	return summary, err
}

func (c *encodeCmd) input() cli.Input {
	in := cli.Input{Path: c.Input, Stdin: os.Stdin, Range: c.Range, Color: c.Color, Frames: c.Frames, IgnoreSAR: c.SAR == sarIgnore, Strict: c.Strict}
	if c.FPS > 0 {
		in.Every = time.Duration(float64(time.Second) / c.FPS)
	}
	if c.Format != nil {
		in.Raw = frame.Desc{Format: *c.Format, Width: c.Size.Width, Height: c.Size.Height}
	}
	return in
}

// spec returns what to make of frames of geometry d.
func (c *encodeCmd) spec(d frame.Desc) pipeline.Spec {
	s := pipeline.Spec{
		Input:  d,
		Crop:   c.Crop,
		Output: pipeline.Output{Quality: c.Quality, Subsampling: c.Subsampling, Restart: c.Restart, Reuse: c.Reuse, Noise: c.Noise},
	}
	if c.Resize != (resize{}) {
		s.Resize = pipeline.Resize{Width: c.Resize.Width, Height: c.Resize.Height, Mode: c.Mode, Filter: c.Filter, Background: c.Background}
	}
	return s
}

// usageIfGeometry makes an error about what the flags ask for a *cli.UsageError.
func usageIfGeometry(err error) error {
	var spec *pipeline.SpecError
	var desc *frame.DescError
	if errors.As(err, &spec) || errors.As(err, &desc) {
		return &cli.UsageError{Err: err}
	}
	return err
}

// sarIgnore is the value of --sar that leaves pixels as they are.
const sarIgnore = "ignore"

// resize is a flag's width and height. One may be left out, as in 320x: it is 0 then.
type resize size

// UnmarshalText sets r to the size that text says.
func (r *resize) UnmarshalText(text []byte) (err error) {
	r.Width, r.Height, err = pipeline.ParseResize(string(text))
	return err
}

// String returns the text of r.
func (r resize) String() string {
	side := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	return side(r.Width) + "x" + side(r.Height)
}

// size is a flag's width and height, as 640x360.
type size struct{ Width, Height int }

// UnmarshalText sets s to the size that text says.
func (s *size) UnmarshalText(text []byte) (err error) {
	s.Width, s.Height, err = frame.ParseSize(string(text))
	return err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/tail"
	"github.com/steadyframe/steadyframe/pool"
)

// ErrNoFFmpeg says how to get ffmpeg.
var ErrNoFFmpeg = errors.New("ffmpeg not found on PATH: install it with: sudo apt-get install ffmpeg")

// killDelay is how long a child may take to end after it was told to.
const killDelay = 2 * time.Second

// openFFmpeg decodes in through an ffmpeg child; stdin, when not nil, is what the child reads instead of a file.
func openFFmpeg(ctx context.Context, in Input, stdin io.Reader, p *pool.Pool) (*Source, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, fmt.Errorf("%s is neither raw frames (give --format and --size) nor Y4M, so ffmpeg must decode it: %w", in.name(), ErrNoFFmpeg)
	}
	url, about := "pipe:0", probe{}
	switch {
	case stdin != nil:
	case isCamera(in.Path):
		url = in.Path
	default:
		url = in.Path
		if !isURL(url) {
			url = "file:" + url // else a name such as a:b.mp4 is taken for a protocol, and -x.mp4 for an option
		}
		about = probeFile(ctx, url)
	}
	pixFmt := about.pixFmt()
	c, err := startChild(ctx, path, ffmpegArgs(url, pixFmt, in), stdin)
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	var reader ingest.Reader
	if pixFmt == "rgb24" {
		reader, err = newPPM(c, p)
	} else {
		reader, err = ingest.NewY4M(c, p, ingest.Limits{})
	}
	if err != nil {
		c.Close()
		var childErr *FFmpegError
		if errors.As(err, &childErr) {
			return nil, fmt.Errorf("%s is neither raw frames (give --format and --size) nor Y4M, and %w", in.name(), childErr)
		}
		return nil, fmt.Errorf("%s, through ffmpeg: %w", in.name(), err)
	}
	if in.Color == nil && reader.Desc().Format.IsYUV() {
		color := about.color()
		in.Color = &color
	}
	s := &Source{Reader: in.described(reader), Total: about.frames(), FPS: about.fps(), close: c.Close, warning: c.warning}
	s.Live = isURL(in.Path) && s.Total == 0
	return s, nil
}

// ffmpegArgs makes ffmpeg write every decoded frame of the first video stream once: settb and setpts give the frames the times of a
// constant rate, or a pipe format that has one would make ffmpeg drop and repeat frames of a stream with a varying rate.
func ffmpegArgs(url, pixFmt string, in Input) []string {
	args := []string{"-v", "error"}
	if url != "pipe:0" {
		args = append(args, "-nostdin")
	}
	if isCamera(url) {
		args = append(args, "-f", "v4l2")
	}
	if in.Loop {
		args = append(args, "-stream_loop", "-1")
	}
	args = append(args, "-i", url, "-map", "0:v:0", "-vf", "settb=1/25,setpts=N", "-r", "25", "-pix_fmt", pixFmt)
	if in.Frames > 0 {
		args = append(args, "-frames:v", strconv.Itoa(in.Frames))
	}
	if pixFmt == "rgb24" {
		return append(args, "-c:v", "ppm", "-f", "image2pipe", "-")
	}
	return append(args, "-f", "yuv4mpegpipe", "-")
}

// FFmpegError is a child that failed.
type FFmpegError struct {
	Exit     error  // how it ended
	LastLine string // the last line that it wrote to standard error
}

func (e *FFmpegError) Error() string {
	if e.LastLine == "" {
		return fmt.Sprintf("ffmpeg failed (%v)", e.Exit)
	}
	return fmt.Sprintf("ffmpeg failed (%v): %s", e.Exit, e.LastLine)
}

// child is the standard output of a process. Where that ends because the process failed, Read returns an *FFmpegError instead of io.EOF.
type child struct {
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr tail.Writer
	wait   func() error // may be called more than once, and from more than one goroutine
}

func startChild(ctx context.Context, path string, args []string, stdin io.Reader) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, path, args...)}
	c.cmd.Stderr = &c.stderr
	c.cmd.WaitDelay = killDelay
	c.wait = sync.OnceValue(c.cmd.Wait)
	var err error
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if stdin == nil {
		return c, c.cmd.Start()
	}
	pipe, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	// Not cmd.Stdin: Wait would wait for this goroutine, which may sit in a Read of a terminal long after the child has ended.
	go func() {
		io.Copy(pipe, stdin) // it fails when the child wants no more, which is the child's to judge
		pipe.Close()
	}()
	return c, nil
}

// Read reads what the process writes.
func (c *child) Read(p []byte) (int, error) {
	n, err := c.stdout.Read(p)
	if err == io.EOF {
		if exit := c.wait(); exit != nil {
			return n, &FFmpegError{Exit: exit, LastLine: c.stderr.LastLine()}
		}
	}
	return n, err
}

// Close ends the process and waits for it. How it ended does not matter: its output was read to the end, or is not wanted any more.
func (c *child) Close() error {
	c.cmd.Process.Kill()
	c.wait()
	return nil
}

// warning is what a child that ended well complained of last: pictures that it could not decode.
func (c *child) warning() string {
	if c.wait() != nil {
		return ""
	}
	return c.stderr.LastLine()
}

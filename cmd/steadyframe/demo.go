package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// demoCmd is steadyframe demo.
type demoCmd struct {
	For     time.Duration `group:"load" placeholder:"TIME" help:"End after this time, such as 10s, with a summary. Without it: on SIGINT."`
	Batches int           `group:"load" placeholder:"N" help:"End after N batches."`
	Batch   int           `group:"load" default:"25" placeholder:"N" help:"Frames of a batch. Default: 25."`
	FPS     float64       `group:"load" name:"fps" default:"50" placeholder:"N" help:"Frames a second. Default: 50."`
	Size    size          `group:"load" default:"640x360" placeholder:"WxH" help:"Size of the frames. Default: 640x360."`
	Resize  size          `group:"load" default:"320x320" placeholder:"WxH" help:"Size of the images. Default: 320x320."`
	Quality int           `group:"load" default:"75" placeholder:"N" help:"Of the images, 1 to 100. Default: 75."`
	Out     string        `group:"load" short:"o" placeholder:"OUT" help:"Keep the images, as steadyframe encode does: a folder or NAME.mjpeg."`
	Force   bool          `group:"load" short:"f" help:"Write over what OUT holds already."`
	JSON    bool          `group:"load" name:"json" help:"Print the summary as one line of JSON on standard output, and all else on standard error."`

	settings
}

// Help is the longer text of steadyframe demo --help.
func (demoCmd) Help() string {
	return `Starts a server, as steadyframe serve does, and pushes an animated scene to it, made in code, through gRPC: the path that any
client takes. The server can be used meanwhile: its page shows four live streams, which are made only while somebody watches,
and what the server does. Where its usual ports are taken it listens on free ones. With --stream, or streams in a settings file,
those are shown instead of the four.

A line a second says what came back: frames a second; the round trip of a batch, from when it is due to when its images are
back (the page shows less: the time in the server); and of the whole process, client and server, the heap objects allocated
for each frame, garbage collections, and memory resident (RSS). The first 4 batches, which set up what is then used again,
count as frames alone.

Exit code: 0, or 1 when a frame failed.

Examples:
  steadyframe demo
  steadyframe demo --for 10s -o demo.mjpeg
  steadyframe demo --batches 1000 --json`
}

// AfterApply checks what no single flag can know.
func (c *demoCmd) AfterApply() error {
	switch {
	case c.Batch < 1:
		return fmt.Errorf("--batch: got %d, want 1 or more", c.Batch)
	case c.Batches < 0:
		return fmt.Errorf("--batches: got %d, want 1 or more", c.Batches)
	case !(c.FPS > 0):
		return fmt.Errorf("--fps: got %v, want more than 0", c.FPS)
	case c.For < 0:
		return fmt.Errorf("--for: got %v, want more than 0", c.For)
	case c.Out == "-":
		return errors.New("--out: got -, want a folder or NAME.mjpeg: standard output is for the figures")
	}
	return nil
}

// Run runs server and load until the load ends, or ctx.
func (c *demoCmd) Run(ctx context.Context) error {
	out := os.Stdout
	if c.JSON {
		out = os.Stderr
	}
	loaded, err := c.demoSettings(out)
	if err != nil {
		return err
	}
	s, _, err := newServer(loaded, nil)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Run(serving) }()

	c.introduce(out, s.Addrs(), loaded)
	summary, err := c.push(ctx, out, s.Addrs().GRPC, loaded)
	stop()
	if serverErr := <-served; serverErr != nil {
		err = serverErr
	}
	if err == nil && summary.Errors > 0 {
		err = fmt.Errorf("%d frames came back without an image", summary.Errors)
	}
	if err != nil {
		summary.Error = cli.Message(err)
	}
	if c.JSON {
		summary.WriteJSON(os.Stdout)
	} else if summary.Frames > 0 {
		fmt.Fprintln(out, summary)
	}
	return err
}

// push runs the load against the server at target.
func (c *demoCmd) push(ctx context.Context, out io.Writer, target string, of server.Config) (cli.LoadSummary, error) {
	load := cli.Load{
		Target: target, Token: of.Auth.Token, Cert: of.TLS.Cert,
		Width: c.Size.Width, Height: c.Size.Height, OutWidth: c.Resize.Width, OutHeight: c.Resize.Height, Quality: c.Quality,
		Batch: c.Batch, FPS: c.FPS, Batches: c.Batches, For: c.For,
		Second: func(p cli.LoadProgress) { fmt.Fprintln(out, p) },
	}
	if c.Out != "" {
		sink, err := cli.OpenSink(c.Out, c.Force, os.Stdout)
		if err != nil {
			return cli.LoadSummary{}, err
		}
		load.Sink = sink
	}
	summary, err := load.Run(ctx)
	if load.Sink != nil {
		if closeErr := load.Sink.Close(err == nil); err == nil {
			err = closeErr
		}
	}
	return summary, err
}

// demoSettings returns the server's settings: those of serve, but without logs of what goes well, and with free ports instead of usual ones
// that are taken.
func (c *demoCmd) demoSettings(out io.Writer) (server.Config, error) {
	if c.LogLevel == nil {
		quiet := "warn"
		c.LogLevel = &quiet
	}
	loaded, err := c.load()
	if err != nil {
		return server.Config{}, err
	}
	if loaded.GRPC.Listen == "off" {
		return server.Config{}, &cli.UsageError{Err: errors.New("grpc.listen is off: the demo pushes its frames through gRPC")}
	}
	if len(loaded.Streams) == 0 {
		loaded.Streams = demoStreams
	}
	usual := server.Default()
	for _, l := range []struct {
		name          string
		listen, usual *string
	}{
		{"HTTP", &loaded.HTTP.Listen, &usual.HTTP.Listen},
		{"gRPC", &loaded.GRPC.Listen, &usual.GRPC.Listen},
		{"admin", &loaded.Admin.Listen, &usual.Admin.Listen},
	} {
		if *l.listen == *l.usual && taken(*l.listen) {
			host, _, _ := net.SplitHostPort(*l.listen)
			fmt.Fprintf(out, "%s is taken: %s listens on a free port instead\n", *l.listen, l.name)
			*l.listen = net.JoinHostPort(host, "0")
		}
	}
	return loaded, nil
}

// demoStreams are shown when no others are set: of different sizes, rates, shapes and looks, as what a wall of streams shows is.
var demoStreams = config.Streams{
	"balloons": {Source: "testsrc:1280x720@30"},
	"night":    {Source: "testsrc:640x360@50?seed=3"},
	"phone":    {Source: "testsrc:360x640@25?seed=5"},
	"winter":   {Source: "testsrc:640x360@25?seed=2"},
}

// taken reports whether another program listens at address.
func taken(address string) bool {
	l, err := net.Listen("tcp", address)
	if err == nil {
		l.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

// introduce says what runs, where, and what to try.
func (c *demoCmd) introduce(out io.Writer, a server.Addrs, of server.Config) {
	secure := of.TLS.Cert != ""
	if page := cli.PageURL(a.HTTP, secure); page != "" {
		fmt.Fprintf(out, "Live streams and the server's figures, in a browser:  %s\n\n", page)
	}
	fmt.Fprintf(out, "An animated scene, %dx%d bgr24, %v frames a second in batches of %d, over gRPC to %dx%d JPEGs of quality %d\n",
		c.Size.Width, c.Size.Height, c.FPS, c.Batch, c.Resize.Width, c.Resize.Height, c.Quality)
	fmt.Fprintf(out, "  gRPC   %s   steadyframe.v1.FrameService\n", a.GRPC)
	if a.HTTP != "" {
		fmt.Fprintf(out, "  HTTP   %s   POST /v1/encode /v1/streams/NAME   GET /stream/NAME.mjpg /snapshot/NAME.jpg\n", a.HTTP)
	}
	if a.Admin != "" {
		fmt.Fprintf(out, "  admin  %s   /metrics /healthz /readyz /debug/pprof /debug/pools\n", a.Admin)
	}
	auth, flag := "", ""
	if of.Auth.Token != "" {
		auth, flag = "-H 'Authorization: Bearer TOKEN' ", "--token TOKEN "
	}
	fmt.Fprintln(out, "Try:")
	if a.HTTP != "" {
		curl, url := curlFor(a.HTTP, of.TLS.Cert)
		target := url
		if strings.HasPrefix(a.HTTP, "unix:") {
			target = a.HTTP
		}
		fmt.Fprintf(out, "  yes steadyframe | head -c 691200 | %s %s--data-binary @- '%s/v1/encode?format=bgr24&size=640x360&resize=320x320' -o frame.jpg\n", curl, auth, url)
		fmt.Fprintf(out, "  %s push --loop %sVIDEO %s\n", os.Args[0], flag, target)
	}
	if a.Admin != "" {
		curl, url := curlFor(a.Admin, of.TLS.Cert)
		fmt.Fprintf(out, "  %s %s/metrics | grep steadyframe_pool\n", curl, url)
	}
	fmt.Fprintln(out)
}

// curlFor returns the curl command, and the beginning of the URL, for a listener, with a certificate if it uses TLS.
func curlFor(addr, cert string) (curl, url string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "curl -s --unix-socket '" + path + "'", "http://localhost"
	}
	if cert != "" {
		return "curl -s --cacert '" + cert + "'", "https://" + addr
	}
	return "curl -s", "http://" + addr
}

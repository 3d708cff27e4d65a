package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/sound"
)

// melCmd is steadyframe mel.
type melCmd struct {
	Input string `arg:"" help:"A WAV file, anything with sound that ffmpeg decodes (a video, MP3, a URL), samples without a header, or - for standard input."`
	Out   string `short:"o" required:"" placeholder:"OUT" help:"NAME.npy (numpy), NAME.f32 (little-endian float32), NAME.json, NAME.png (an image of the features), or - for standard output."`
	Force bool   `short:"f" help:"Overwrite existing output."`

	Preset string      `default:"wav2lip" placeholder:"NAME" values:"wav2lip,whisper80,whisper128,kaldi,htk,librosa" help:"What to compute: wav2lip, whisper80, whisper128, kaldi, htk or librosa. Default: wav2lip."`
	Output *sound.Form `placeholder:"FORM" values:"npy,f32,json" help:"npy, f32 or json, whatever OUT ends in. Default: what OUT ends in; npy for standard output."`
	Layout string      `enum:"frames,bands" default:"frames" placeholder:"LAYOUT" help:"frames: an array of shape (frames, bands); bands: (bands, frames), as librosa and Whisper have it. Default: frames."`
	FPS    float64     `name:"fps" placeholder:"N" help:"Windows for a video of N frames per second; needs --window: an array of shape (video frames, bands, window)."`
	Window int         `placeholder:"N" help:"Frames of a window: 16 for Wav2Lip."`

	Format   *sound.Encoding `group:"input" placeholder:"FORMAT" values:"s16le,u8,s24le,s32le,f32le,f64le" help:"INPUT is samples without a header: s16le, u8, s24le, s32le, f32le or f64le. Needs --rate."`
	Rate     int             `group:"input" placeholder:"HZ" help:"Samples per second of INPUT, 8000 to 48000."`
	Channels int             `group:"input" default:"1" placeholder:"N" help:"Channels of INPUT, which are averaged. Default: 1."`
}

// Help is the longer text of steadyframe mel --help.
func (melCmd) Help() string {
	return `Computes log-mel features of a whole sound, as models for lip sync and speech recognition take them. docs/mel.md has the
definitions, and says how to get features from a running server while sound comes in.

OUT is written whole or not at all. Exit code: 0, 1 when something failed, 2 when the command line is wrong, 130 when
interrupted.

Examples:
  steadyframe mel speech.wav -o mel.npy
  steadyframe mel talk.mp4 --preset whisper80 --layout bands -o mel.npy
  steadyframe mel speech.wav --fps 25 --window 16 -o windows.npy
  steadyframe mel speech.wav -o mel.png
  arecord -f S16_LE -r 16000 -d 5 | steadyframe mel - -o -  | model`
}

// AfterApply checks what no single flag can know.
func (c *melCmd) AfterApply() error {
	switch {
	case c.Format != nil && c.Rate == 0:
		return errors.New("--format is for samples without a header and needs --rate, such as --rate 16000")
	case c.Format == nil && (c.Rate != 0 || c.Channels != 1):
		return errors.New("--rate and --channels describe samples without a header and need --format, such as --format s16le")
	case c.Format != nil && (c.Rate < 8000 || c.Rate > 48000):
		return fmt.Errorf("--rate: got %d, want 8000 to 48000", c.Rate)
	case c.Channels < 1 || c.Channels > sound.MaxChannels:
		return fmt.Errorf("--channels: got %d, want 1 to %d", c.Channels, sound.MaxChannels)
	}
	return nil
}

// Run is called by kong.
func (c *melCmd) Run(ctx context.Context) error {
	j := cli.MelJob{
		Input: c.Input, Stdin: os.Stdin, Out: c.Out, Stdout: os.Stdout, Form: c.Output, Force: c.Force,
		Preset: c.Preset, Bands: c.Layout == "bands", FPS: c.FPS, Window: c.Window,
	}
	if c.Format != nil {
		j.PCM = &sound.Format{Encoding: *c.Format, Channels: c.Channels, Rate: c.Rate}
	}
	s, err := j.Run(ctx)
	if err != nil {
		return err
	}
	if s.Warning != "" {
		fmt.Fprintln(os.Stderr, s.Warning)
	}
	shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Shape), "[]"), " ", ", ")
	fmt.Fprintf(os.Stderr, "%.2f s of sound at %d Hz: %s features of shape (%s)\n", s.Seconds, s.Rate, c.Preset, shape)
	return nil
}

package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/mel"
)

// MelJob computes the features of one sound.
type MelJob struct {
	Input  string        // a file, a URL, or "-" for Stdin
	Stdin  io.Reader     // what "-" reads
	PCM    *sound.Format // of an input without a header; nil: the input is WAV, or something for ffmpeg
	Out    string        // a file, whose ending says its form, or "-" for Stdout
	Stdout *os.File
	Form   *sound.Form // in place of what Out's ending says
	Force  bool        // whether Out is written over

	Preset string
	Bands  bool    // an array of bands, each with all frames, in place of frames with all bands
	FPS    float64 // of the video whose frames the windows are for; 0: no windows
	Window int     // frames of a window
}

// MelSummary says what came out.
type MelSummary struct {
	Seconds float64 // of sound
	Rate    int     // of the input
	Shape   []int   // of the array
	Warning string  // what ffmpeg complained of
}

// plot is the form of an image of the features.
const plot = sound.Form(255)

// Run reads the whole sound, computes its features and writes them. Out is written whole or not at all. The error is for the user as it
// is.
func (j *MelJob) Run(ctx context.Context) (MelSummary, error) {
	form, err := j.form()
	if err != nil {
		return MelSummary{}, err
	}
	spec, err := mel.Preset(j.Preset)
	if err != nil {
		return MelSummary{}, usagef("--preset: %s", melReason(err))
	}
	type read struct {
		samples []float32
		rate    int
		warning string
		err     error
	}
	reads := make(chan read, 1)
	go func() { // Standard input may never end.
		var r read
		r.samples, r.rate, r.warning, r.err = j.read(ctx)
		reads <- r
	}()
	var in read
	select {
	case in = <-reads:
	case <-ctx.Done():
		return MelSummary{}, context.Cause(ctx)
	}
	s := MelSummary{Rate: in.rate, Warning: in.warning}
	if in.err != nil {
		return s, in.err
	}
	s.Seconds = float64(len(in.samples)) / float64(in.rate)
	m, err := mel.Compile(spec, &mel.Options{InputRate: in.rate})
	if err != nil {
		return s, fmt.Errorf("%s: its rate: %s", j.name(), melReason(err))
	}
	features, err := m.AppendYielding(nil, in.samples, func() error { return context.Cause(ctx) })
	if err != nil {
		return s, err
	}
	if len(features) == 0 {
		return s, fmt.Errorf("%s is too short: got %d samples of %d Hz, which are no frame of %s", j.name(), len(in.samples), in.rate, j.Preset)
	}
	array, err := sound.Layout{ByBands: j.Bands, FPS: j.FPS, Window: j.Window}.Array(m, features)
	if err != nil {
		return s, usagef("--fps, --window: %s", melReason(err))
	}
	s.Shape = array.Shape
	return s, j.write(func(w io.Writer) error {
		if form == plot {
			return drawMel(w, m, features)
		}
		return array.Write(w, form)
	})
}

// melReason returns what package mel found wrong.
func melReason(err error) string {
	var wrong *mel.SpecError
	if errors.As(err, &wrong) {
		return wrong.Reason
	}
	return err.Error()
}

// name is the input for people.
func (j *MelJob) name() string {
	if j.Input == "-" {
		return "standard input"
	}
	return redact.URL(j.Input)
}

// form returns the form of the output. The error is a *UsageError.
func (j *MelJob) form() (sound.Form, error) {
	windows := j.FPS != 0 || j.Window != 0
	ending := strings.ToLower(filepath.Ext(j.Out))
	switch {
	case windows && (j.FPS == 0 || j.Window == 0):
		return 0, usagef("--fps and --window go together: video frames per second, and frames of features for each, such as --fps 25 --window 16")
	case windows && j.Bands:
		return 0, usagef("--layout bands is for features without --window: a window is bands of frames")
	case j.Form != nil && ending == ".png":
		return 0, usagef("output %s is an image, so that --output has no meaning", j.Out)
	case j.Form != nil:
		return *j.Form, nil
	case j.Out == "-" || ending == ".npy":
		return sound.NPY, nil
	case ending == ".f32":
		return sound.Raw, nil
	case ending == ".json":
		return sound.JSON, nil
	case ending == ".png" && windows:
		return 0, usagef("an image shows the features: leave out --fps and --window")
	case ending == ".png":
		return plot, nil
	}
	return 0, usagef("output %s: name a file that ends in .npy, .f32, .json or .png (an image of the features)", j.Out)
}

// read returns all samples of the input, and their rate.
func (j *MelJob) read(ctx context.Context) (samples []float32, rate int, warning string, err error) {
	fail := func(err error) ([]float32, int, string, error) { return nil, 0, "", err }
	if j.PCM == nil && isURL(j.Input) {
		return j.decode(ctx, ffmpeg.Options{URL: j.Input})
	}
	src := j.Stdin
	if j.Input != "-" {
		f, err := os.Open(j.Input)
		if err != nil {
			return fail(fmt.Errorf("cannot read %s: %w", j.Input, withAdvice(errors.Unwrap(err))))
		}
		defer f.Close()
		src = f
	}
	in := bufio.NewReaderSize(src, 64<<10)
	if j.PCM != nil {
		samples, err = j.samples(in, *j.PCM, -1)
		return samples, j.PCM.Rate, "", err
	}
	head, err := in.Peek(12)
	switch {
	case err == io.EOF && len(head) == 0:
		return fail(fmt.Errorf("%s is empty", j.name()))
	case err != nil && err != io.EOF:
		return fail(fmt.Errorf("cannot read %s: %w", j.name(), withAdvice(err)))
	}
	o := ffmpeg.Options{Path: j.Input}
	var again bytes.Buffer // what was read of a WAV file
	if sound.IsWAV(head) {
		f, length, err := sound.ReadHeader(io.TeeReader(in, &again))
		if err == nil && f.Rate >= 8000 && f.Rate <= 48000 {
			samples, err = j.samples(in, f, length)
			return samples, f.Rate, "", err
		}
	}
	if j.Input == "-" { // What is not plain WAV is for ffmpeg.
		o = ffmpeg.Options{Stdin: io.MultiReader(&again, in)}
	}
	return j.decode(ctx, o)
}

// samples reads length bytes of PCM, all for -1.
func (j *MelJob) samples(r io.Reader, f sound.Format, length int64) ([]float32, error) {
	if length >= 0 {
		r = io.LimitReader(r, length)
	}
	var samples []float32
	p := make([]byte, 4096*f.MomentBytes())
	for got := int64(0); ; {
		n, err := io.ReadFull(r, p)
		got += int64(n)
		samples = f.AppendMono(samples, p[:n])
		switch {
		case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
			return nil, fmt.Errorf("cannot read %s: %w", j.name(), withAdvice(err))
		case err == nil:
		case got < length:
			return nil, fmt.Errorf("%s is cut short: got %d bytes of samples, want %d as its header says", j.name(), got, length)
		case length < 0 && got%int64(f.MomentBytes()) != 0:
			return nil, fmt.Errorf("%s ends inside a sample: got %d bytes, want a multiple of %d; check --format and --channels", j.name(), got, f.MomentBytes())
		default:
			return samples, nil
		}
	}
}

// decode reads the input through ffmpeg.
func (j *MelJob) decode(ctx context.Context, o ffmpeg.Options) (samples []float32, rate int, warning string, err error) {
	r, err := ffmpeg.OpenSound(ctx, o)
	if errors.Is(err, ffmpeg.ErrNotFound) {
		err = fmt.Errorf("%s is not plain WAV, so ffmpeg must decode it: %w", j.name(), err)
	}
	if err != nil {
		return nil, 0, "", err
	}
	defer r.Close()
	f, length, err := sound.ReadHeader(r)
	if err == nil {
		samples, err = j.samples(r, f, length)
	}
	if _, more := r.Read(make([]byte, 1)); more != io.EOF && more != nil { // why the child ended, whatever came of what it wrote
		err = more
	}
	var failed *ffmpeg.Error
	switch {
	case ctx.Err() != nil:
		return nil, 0, "", context.Cause(ctx)
	case errors.As(err, &failed) && failed.Unknown:
		return nil, 0, "", fmt.Errorf("%s: %s; samples without a header need --format and --rate", j.name(), redact.Text(failed.Error(), o.URL))
	case errors.As(err, &failed):
		return nil, 0, "", fmt.Errorf("%s: %s", j.name(), redact.Text(failed.Error(), o.URL))
	case err != nil:
		return nil, 0, "", err
	}
	return samples, f.Rate, prefixed("ffmpeg: ", redact.Text(r.Warning(), o.URL)), nil
}

// write writes the output, whole or not at all.
func (j *MelJob) write(to func(w io.Writer) error) error {
	if j.Out == "-" {
		if isTerminal(j.Stdout) {
			return usagef("standard output is a terminal: send it to a file or program, or name a file with -o")
		}
		if err := to(j.Stdout); err != nil {
			return fmt.Errorf("cannot write to standard output: %w", withAdvice(err))
		}
		return nil
	}
	if _, err := os.Stat(j.Out); err == nil && !j.Force {
		return fmt.Errorf("output %s exists already: choose another name, or add --force to write over it", j.Out)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("output %s: %w", j.Out, withAdvice(err))
	}
	w, err := newWholeFile(j.Out)
	if err != nil {
		return err
	}
	return w.write(to)
}

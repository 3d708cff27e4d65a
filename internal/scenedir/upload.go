package scenedir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/jpegdec"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// An Upload makes a scene of files that come in one after the other, from somebody who is not trusted: those of a scene's
// folder, the settings before what they are about. Frames are JPEGs, PNGs, or raw. All that it keeps, and all that decoding
// takes, is admitted against the pool's budget: what does not fit is refused. It is for one goroutine.
type Upload struct {
	loader
	options  UploadOptions
	stage    stage
	size     frame.Desc // of raw frames, but for their format
	decoder  jpegdec.Decoder
	decoding pool.Grant // of the decoder
	decoded  int64      // bytes of it
	kept     []pool.Grant
	masked   []pool.Buf // the files of masks/
	files    int
}

// UploadOptions bound an Upload.
type UploadOptions struct {
	Pool      *pool.Pool // of the scene, and of what making it takes
	MaxBytes  int64      // that the scene may hold; 0: the pool's budget
	MaxPixels int        // of a frame or mask
	// Pause is called again and again while a file is worked on. It may wait. Its error ends Add.
	Pause func() error
}

// stage is how far an Upload is: files come in the order of the stages.
type stage uint8

const (
	atSettings stage = iota // scene.json
	atRects                 // rects.json
	atMasks                 // mask.png, masks/
	atFrames                // frames/
)

// order says what the files' order is.
const order = "want " + settingsFile + ", " + rectsFile + ", " + maskFile + " or " + masksFolder + "/, then " + framesFolder + "/"

// The most that may come, of what is kept as it is.
const (
	maxUploadedJSON = 4 << 20 // bytes
	jsonExpansion   = 48      // what places take in memory, for each byte of JSON
	maxFileName     = 512     // bytes
)

// FileError says which file of an Upload is wrong.
type FileError struct {
	Name string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%.80q: %v", e.Name, e.Err) }

// Unwrap returns the error that is wrapped.
func (e *FileError) Unwrap() error { return e.Err }

// NewUpload returns an Upload of no files. The caller ends it with Scene or Discard.
func NewUpload(o UploadOptions) *Upload {
	if o.Pause == nil {
		o.Pause = func() error { return nil }
	}
	return &Upload{options: o, loader: loader{dir: "the scene", pool: o.Pool}}
}

// Add adds a file, whose data it borrows. The error is a *FileError about it, or wraps pool.ErrBudget, or is Pause's.
// After an error the Upload can only be discarded.
func (u *Upload) Add(ctx context.Context, name string, data []byte) error {
	err := u.add(ctx, name, data)
	if err != nil {
		return &FileError{Name: name, Err: err}
	}
	u.files++
	return nil
}

// Wanted reports whether a file of that name is one of a scene's. Others are not, such as folders' entries in an archive.
func Wanted(name string) bool { return name != "" && !strings.HasSuffix(name, "/") }

func (u *Upload) add(ctx context.Context, name string, data []byte) error {
	if len(name) > maxFileName {
		return fmt.Errorf("got a name of %d bytes, want at most %d", len(name), maxFileName)
	}
	folder, file := path.Split(path.Clean(name))
	switch {
	case folder == "" && file == settingsFile:
		return u.addSettings(data)
	case folder == "" && file == rectsFile:
		return u.addRects(data)
	case folder == "" && file == maskFile, folder == masksFolder+"/":
		return u.addMask(folder != "", data)
	case folder == framesFolder+"/":
		return u.addFrame(ctx, file, data)
	}
	return errors.New("it is no file of a scene: " + order)
}

// enter goes on to the stage of a file.
func (u *Upload) enter(s stage, again bool) error {
	if u.stage > s || u.stage == s && u.files > 0 && !again {
		return errors.New("it comes too late, or again: " + order)
	}
	u.stage = s
	return nil
}

// readUploaded reads JSON into v, and keeps what that takes admitted.
func (u *Upload) readUploaded(data []byte, v any) error {
	if len(data) > maxUploadedJSON {
		return fmt.Errorf("got %d bytes, want at most %d", len(data), maxUploadedJSON)
	}
	if err := u.keep(int64(len(data)) * jsonExpansion); err != nil {
		return err
	}
	return parse(data, v)
}

func (u *Upload) addSettings(data []byte) error {
	if err := u.enter(atSettings, false); err != nil {
		return err
	}
	return u.readUploaded(data, &u.settings)
}

func (u *Upload) addRects(data []byte) error {
	if err := u.enter(atRects, false); err != nil {
		return err
	}
	if err := u.readUploaded(data, &u.rects); err != nil {
		return err
	}
	return u.rects.check()
}

// addMask adds mask.png, or one of the files of masks/, which stay as they are until their background comes.
func (u *Upload) addMask(one bool, data []byte) error {
	if err := u.enter(atMasks, one && u.masks.all == nil); err != nil {
		return err
	}
	if !one {
		alpha, err := u.decodeMask(data, true)
		if err != nil {
			return err
		}
		u.masks.all = &scene.Mask{Shape: scene.Given, Alpha: alpha}
		return nil
	}
	if len(u.masked) == maxBackgrounds {
		return fmt.Errorf("got more than %d masks, want that many at most", maxBackgrounds)
	}
	size := pool.ClassSize(len(data))
	if err := u.keep(int64(size)); err != nil {
		return err
	}
	buf, err := u.pool.Get(len(data))
	if err != nil {
		return err
	}
	copy(buf.Bytes(), data)
	u.masked = append(u.masked, buf)
	u.masks.count = len(u.masked)
	u.masks.read = func(n int) (*image.Alpha, error) { return u.decodeMask(u.masked[n].Bytes(), false) }
	return nil
}

// decodeMask decodes a mask, which stays admitted if keep says so, and else until this returns.
func (u *Upload) decodeMask(data []byte, keep bool) (*image.Alpha, error) {
	img, release, err := u.decodePNG(data)
	if err != nil {
		return nil, err
	}
	defer release()
	b := img.Bounds()
	size := int64(b.Dx()) * int64(b.Dy())
	if keep {
		if err := u.keep(size); err != nil {
			return nil, err
		}
	}
	return alphaOf(img), nil
}

// decodePNG decodes a PNG in memory that is admitted until release.
func (u *Upload) decodePNG(data []byte) (img image.Image, release func(), err error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, nil, fmt.Errorf("want a PNG: %w", err)
	}
	if err := u.checkPixels(c.Width, c.Height); err != nil {
		return nil, nil, err
	}
	pixel := int64(20) // of 16 bits a sample, interlaced, or with a palette, and made NRGBA
	switch c.ColorModel {
	case color.GrayModel, color.NRGBAModel, color.RGBAModel:
		pixel = 10 // interlaced
	}
	grant, err := u.admit(pixel*int64(c.Width)*int64(c.Height) + 64<<10)
	if err != nil {
		return nil, nil, err
	}
	img, err = png.Decode(&pausing{data: data, pause: u.options.Pause})
	if err != nil {
		grant.Release()
		return nil, nil, err
	}
	return img, grant.Release, nil
}

// pausing reads data in small pieces, with a pause before each: one of zeros decompresses to a thousand times as much.
type pausing struct {
	data  []byte
	pause func() error
}

// pausePiece is how much is read between two pauses: 4 MB of pixels at most.
const pausePiece = 4 << 10

// Read is part of io.Reader.
func (p *pausing) Read(b []byte) (int, error) {
	if err := p.pause(); err != nil {
		return 0, err
	}
	n, err := bytes.NewReader(p.data[:min(len(p.data), pausePiece)]).Read(b)
	p.data = p.data[n:]
	return n, err
}

func (u *Upload) checkPixels(width, height int) error {
	if width < 1 || height < 1 || width > frame.MaxSide || height > frame.MaxSide || int64(width)*int64(height) > int64(u.options.MaxPixels) {
		return fmt.Errorf("got %dx%d, want sides of 1..%d and at most %d pixels", width, height, frame.MaxSide, u.options.MaxPixels)
	}
	return nil
}

// begin makes the builder, when the settings are known.
func (u *Upload) begin() error {
	if u.builder != nil {
		return nil
	}
	o, err := u.settings.options()
	if err != nil {
		return fmt.Errorf("%s: size: %w", settingsFile, err)
	}
	if o.Width > 0 {
		if err := u.checkPixels(o.Width, o.Height); err != nil {
			return fmt.Errorf("%s: size: %w", settingsFile, err)
		}
	}
	u.size.Width, u.size.Height = o.Width, o.Height
	o.Pool, o.MaxBytes, o.Pause = u.options.Pool, u.options.MaxBytes, u.options.Pause
	if u.builder, err = scene.NewBuilder(&o); err != nil {
		return fmt.Errorf("%s: %w", settingsFile, err)
	}
	return nil
}

func (u *Upload) addFrame(ctx context.Context, name string, data []byte) error {
	if err := u.enter(atFrames, true); err != nil {
		return err
	}
	if u.settings.Color != nil || u.settings.Transparent {
		return fmt.Errorf("got a frame, want none beside color or transparent in %s", settingsFile)
	}
	if err := u.begin(); err != nil {
		return err
	}
	switch _, ending, _ := strings.Cut(path.Ext(name), "."); {
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		return u.addJPEG(ctx, data)
	case bytes.HasPrefix(data, []byte("\x89PNG")):
		return u.addPNG(data)
	default:
		return u.addRaw(ending, data)
	}
}

func (u *Upload) addJPEG(ctx context.Context, data []byte) error {
	info, err := jpegdec.Header(data)
	if err != nil {
		return err
	}
	width, height := info.Size()
	if err := u.checkPixels(width, height); err != nil {
		return err
	}
	if info.MemoryBytes > u.decoded {
		u.forgetDecoder()
		if u.decoding, err = u.admit(info.MemoryBytes); err != nil {
			return err
		}
		u.decoded = info.MemoryBytes
	}
	u.decoder.Pause = u.options.Pause
	f, err := u.decoder.Decode(ctx, data)
	if err != nil {
		return err
	}
	return u.loader.add(scene.Background{Frame: f})
}

func (u *Upload) forgetDecoder() {
	u.decoder = jpegdec.Decoder{}
	u.decoding.Release()
	u.decoding, u.decoded = pool.Grant{}, 0
}

func (u *Upload) addPNG(data []byte) error {
	img, release, err := u.decodePNG(data)
	if err != nil {
		return err
	}
	defer release()
	d := frame.Desc{Format: frame.RGBA, Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	var f frame.Frame
	switch img := img.(type) {
	case *image.Gray:
		d.Format = frame.Gray8
		f, err = frame.Wrap(d, frame.Plane{Pix: img.Pix, Stride: img.Stride})
	case *image.NRGBA: // Alpha is ignored, as of a folder's files.
		f, err = frame.Wrap(d, frame.Plane{Pix: img.Pix, Stride: img.Stride})
	case *image.RGBA: // It is opaque.
		f, err = frame.Wrap(d, frame.Plane{Pix: img.Pix, Stride: img.Stride})
	default:
		flat := flatten(img)
		f, err = frame.Wrap(d, frame.Plane{Pix: flat.Pix, Stride: flat.Stride})
	}
	if err != nil {
		return err
	}
	return u.loader.add(scene.Background{Frame: f})
}

// addRaw adds a raw frame, whose format the ending of its name says.
func (u *Upload) addRaw(ending string, data []byte) error {
	format, err := frame.ParsePixelFormat(ending)
	if err != nil {
		return errors.New("want a JPEG, a PNG, or the pixel format of raw frames as the name's ending, such as bgr24")
	}
	d := u.size
	d.Format = format
	if d.Width == 0 {
		return fmt.Errorf("got a raw frame, want size in %s", settingsFile)
	}
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		return err
	}
	return u.loader.add(scene.Background{Frame: f})
}

// Held returns the bytes that are admitted for the scene so far.
func (u *Upload) Held() int64 {
	if u.builder == nil {
		return 0
	}
	return u.builder.Held()
}

// admit admits n bytes, or returns a *scene.MemoryError.
func (u *Upload) admit(n int64) (pool.Grant, error) {
	grant, ok := u.pool.TryAdmit(n)
	if !ok {
		return pool.Grant{}, &scene.MemoryError{Background: u.added, Want: n, Held: u.Held()}
	}
	return grant, nil
}

// keep admits n bytes until the Upload ends.
func (u *Upload) keep(n int64) error {
	grant, err := u.admit(n)
	if err == nil {
		u.kept = append(u.kept, grant)
	}
	return err
}

// Scene returns the scene of the files and ends the Upload. The caller closes the scene. After an error the Upload is to be
// discarded.
func (u *Upload) Scene() (*scene.Scene, error) {
	if err := u.begin(); err != nil {
		return nil, err
	}
	if u.stage < atFrames {
		if u.settings.Color == nil && !u.settings.Transparent {
			return nil, fmt.Errorf("got no backgrounds, want files in %s/, or color or transparent in %s", framesFolder, settingsFile)
		}
		if err := u.addPlain(); err != nil {
			return nil, err
		}
	}
	if err := u.checkCounts(); err != nil {
		return nil, err
	}
	s, err := u.builder.Scene()
	if err == nil {
		u.Discard()
	}
	return s, err
}

// Discard gives back what the Upload holds.
func (u *Upload) Discard() {
	if u.builder != nil {
		u.builder.Discard()
	}
	u.forgetDecoder()
	for _, b := range u.masked {
		b.Release()
	}
	for _, g := range u.kept {
		g.Release()
	}
	u.masked, u.kept = nil, nil
}

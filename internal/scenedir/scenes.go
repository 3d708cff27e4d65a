// Package scenedir makes scenes of folders. docs/scenes.md describes their files.
package scenedir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// maxBackgrounds bounds the backgrounds of a folder: an hour at 25 frames a second.
const maxBackgrounds = 25 * 3600

// Load returns the scene of folder dir. p lends its memory, and that of frames while they are read. maxBytes bounds what
// it may hold; 0: p's budget. The error names the file that is wrong. The caller closes the scene.
func Load(ctx context.Context, dir string, p *pool.Pool, maxBytes int64) (*scene.Scene, error) {
	l := &loader{dir: dir, pool: p}
	if err := l.readFiles(); err != nil {
		return nil, err
	}
	o, err := l.settings.options()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settingsFile, err)
	}
	o.Pool, o.MaxBytes = p, maxBytes
	if l.builder, err = scene.NewBuilder(&o); err != nil {
		return nil, fmt.Errorf("%s: %w", settingsFile, err)
	}
	defer l.builder.Discard()
	if err := l.addAll(ctx); err != nil {
		return nil, err
	}
	return l.builder.Scene()
}

// Check returns what is wrong with the files of folder dir, but for their backgrounds, which it only looks for.
func Check(dir string) error {
	l := &loader{dir: dir}
	if err := l.readFiles(); err != nil {
		return err
	}
	if _, err := l.settings.options(); err != nil {
		return fmt.Errorf("%s: %w", settingsFile, err)
	}
	_, err := l.findBackgrounds()
	return err
}

// loader makes one scene.
type loader struct {
	dir      string
	pool     *pool.Pool
	settings settings
	rects    rects
	masks    masks
	builder  *scene.Builder
	added    int
}

// readFiles reads all but the backgrounds.
func (l *loader) readFiles() error {
	if info, err := os.Stat(l.dir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such file or folder", l.dir)
	} else if err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", l.dir)
	}
	if err := readJSON(filepath.Join(l.dir, settingsFile), &l.settings); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := readJSON(filepath.Join(l.dir, rectsFile), &l.rects); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := l.rects.check(); err != nil {
		return err
	}
	return l.masks.find(l.dir)
}

// addAll adds the backgrounds, as many as there are lists of places.
func (l *loader) addAll(ctx context.Context) error {
	add, err := l.findBackgrounds()
	if err != nil {
		return err
	}
	if err := add(ctx); err != nil {
		return err
	}
	return l.checkCounts()
}

// findBackgrounds returns what adds the backgrounds: those of frames/, of a video, or of one color.
func (l *loader) findBackgrounds() (add func(context.Context) error, err error) {
	folder := filepath.Join(l.dir, framesFolder)
	video, err := l.video()
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(folder)
	hasFolder := err == nil
	plain := l.settings.Color != nil || l.settings.Transparent
	switch {
	case hasFolder && video != "" || plain && (hasFolder || video != ""):
		return nil, fmt.Errorf("%s: got several kinds of backgrounds, want one of a folder %s, a file video.*, and color or transparent in %s",
			l.dir, framesFolder, settingsFile)
	case hasFolder:
		return func(ctx context.Context) error { return l.addFolder(ctx, folder) }, nil
	case video != "":
		return func(ctx context.Context) error { return l.addVideo(ctx, video) }, nil
	case plain:
		return func(context.Context) error { return l.addPlain() }, nil
	}
	return nil, fmt.Errorf("%s: got no backgrounds, want a folder %s, a file video.*, or color or transparent in %s", l.dir, framesFolder, settingsFile)
}

// checkCounts returns an error unless there are as many lists of places and masks as backgrounds, or none.
func (l *loader) checkCounts() error {
	if n := len(l.rects.Frames); n > 0 && n != l.added {
		return fmt.Errorf("%s: got places for %d frames, want %d as there are backgrounds", rectsFile, n, l.added)
	}
	return l.masks.checkCount(l.added)
}

// video returns the path of the file called video with any ending, "" if there is none.
func (l *loader) video() (string, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return "", err
	}
	found := ""
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || strings.TrimSuffix(name, filepath.Ext(name)) != "video" {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%s: got %s and %s, want one video", l.dir, found, name)
		}
		found = name
	}
	if found == "" {
		return "", nil
	}
	return filepath.Join(l.dir, found), nil
}

func (l *loader) addFolder(ctx context.Context, folder string) error {
	files, err := stills.List(folder)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	r := stills.New(ctx, files.Names, l.pool, stills.Options{Strict: true})
	return l.addFrames(r.NextFrame)
}

func (l *loader) addVideo(ctx context.Context, path string) error {
	r, err := ffmpeg.Open(ctx, ffmpeg.Options{Path: path}, l.pool)
	if err != nil {
		return err
	}
	defer r.Close()
	return l.addFrames(r.Next)
}

// addFrames adds frames until next returns io.EOF.
func (l *loader) addFrames(next func() (frame.Frame, error)) error {
	for {
		f, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = l.add(scene.Background{Frame: f})
		f.Release()
		if err != nil {
			return err
		}
	}
}

// addPlain adds backgrounds of one color, or none.
func (l *loader) addPlain() error {
	bg := scene.Background{}
	if l.settings.Color != nil {
		bg.Color = *l.settings.Color
	}
	for range max(len(l.rects.Frames), l.masks.count, 1) {
		if err := l.add(bg); err != nil {
			return err
		}
	}
	return nil
}

// add adds a background with its places.
func (l *loader) add(bg scene.Background) error {
	if l.added == maxBackgrounds {
		return fmt.Errorf("%s: got more than %d backgrounds, want that many at most", l.dir, maxBackgrounds)
	}
	mask, err := l.masks.of(l.added)
	if err != nil {
		return err
	}
	if mask == nil && l.settings.Mask != nil {
		mask = l.settings.Mask.mask()
	}
	if bg.Places, err = l.rects.places(l.added, mask); err != nil {
		return err
	}
	if err := l.builder.Add(bg); err != nil {
		return err
	}
	l.added++
	return nil
}

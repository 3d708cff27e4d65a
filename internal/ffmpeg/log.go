package ffmpeg

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// frameInfo is what the filter showinfo says of a frame that ffmpeg is about to write.
type frameInfo struct {
	pts           time.Duration // from the start of the stream; noTime when unknown
	pixFmt        string        // "yuv420p"
	width, height int
	colorRange    string // "tv", "pc"; these four are empty when unknown
	matrix        string // "bt709", "bt2020nc", "gbr"
	primaries     string // "bt2020"
	transfer      string // "smpte2084"
}

// noTime stands for a time stamp that is not known.
const noTime = time.Duration(math.MinInt64)

// logLine is a line of ffmpeg's standard error with the options -loglevel repeat+level+info:
//
//	[h264 @ 0x55dacd3d5ac0] [error] no frame!
type logLine struct {
	source string // "h264"; empty for ffmpeg itself
	level  string // "error"; empty for a part of a line, which follows another
	text   string
}

// parseLine splits a line.
func parseLine(line string) (l logLine) {
	for {
		rest, ok := strings.CutPrefix(line, "[")
		if !ok {
			break
		}
		name, rest, ok := strings.Cut(rest, "]")
		if !ok {
			break
		}
		source, _, isSource := strings.Cut(name, " @ 0x")
		switch {
		case isSource && l.level == "":
			l.source = source
		case l.level == "" && slices.Contains(levels, name):
			l.level = name
		default:
			l.text = strings.TrimSpace(line)
			return l
		}
		line = strings.TrimPrefix(rest, " ")
	}
	l.text = strings.TrimRight(line, " \r\n")
	return l
}

// levels are the log levels that ffmpeg names, down to the one that it is asked for.
var levels = []string{"panic", "fatal", "error", "warning", "info"}

// showinfo begins the name of the filter that describes frames.
const showinfo = "Parsed_showinfo_"

// parser reads ffmpeg's standard error, line by line. The zero parser is ready.
type parser struct {
	info     Info
	audio    string // codec of the first audio stream
	failures []string
	frame    frameInfo
	open     bool // frame has begun, and its colors have not ended
}

// maxFailures is how many complaints a parser keeps: the first ones and the last one.
const maxFailures = 16

// add takes a line. It returns true when it completes a frame, which is p.frame.
func (p *parser) add(line string) bool {
	l := parseLine(line)
	if strings.HasPrefix(l.source, showinfo) {
		return p.addShowinfo(l.text)
	}
	switch l.level {
	case "panic", "fatal", "error":
		p.fail(l)
	case "info":
		p.describe(l.text)
	}
	return false
}

// fail keeps a complaint.
func (p *parser) fail(l logLine) {
	if l.text == "" {
		return
	}
	if l.source != "" && !strings.Contains(l.source, "file:") {
		l.text = l.source + ": " + l.text
	}
	if len(p.failures) == maxFailures {
		p.failures = p.failures[:maxFailures-1]
	}
	p.failures = append(p.failures, l.text)
}

// describe takes what ffmpeg says of the input. Only the first video stream counts that is not a picture in an audio
// file.
func (p *parser) describe(text string) {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "Input #0, ") && p.info.Container == "":
		p.info.Container, _, _ = strings.Cut(strings.TrimPrefix(text, "Input #0, "), ", from ")
	case strings.HasPrefix(text, "Duration: ") && p.info.Duration == 0:
		p.info.Duration = parseDuration(text)
	case strings.HasPrefix(text, "Stream #0:") && !strings.Contains(text, " -> "):
		if _, video, ok := strings.Cut(text, ": Video: "); ok && p.info.Codec == "" && !strings.HasSuffix(text, "(attached pic)") {
			p.describeVideo(video)
		} else if _, audio, ok := strings.Cut(text, ": Audio: "); ok && p.audio == "" {
			p.audio = firstWord(audio)
		}
	}
}

// describeVideo takes the text that describes a video stream: "h264 (High), yuv420p, 640x360, 25 fps, 25 tbr, 1k tbn".
func (p *parser) describeVideo(text string) {
	p.info.Codec = firstWord(text)
	for field := range strings.SplitSeq(text, ", ") {
		n, ok := strings.CutSuffix(field, " fps")
		if !ok {
			continue
		}
		n, thousands := strings.CutSuffix(n, "k")
		if fps, err := strconv.ParseFloat(n, 64); err == nil && fps > 0 && fps <= 1e6 {
			if p.info.FPS = fps; thousands {
				p.info.FPS *= 1000
			}
		}
	}
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " ,"); i >= 0 {
		return s[:i]
	}
	return s
}

// parseDuration parses "Duration: 00:00:02.00, start: ...". It returns 0 when it is not known.
func parseDuration(text string) time.Duration {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "Duration: "), ",")
	part := strings.Split(text, ":")
	if len(part) != 3 {
		return 0
	}
	hours, errH := strconv.ParseUint(part[0], 10, 16)
	minutes, errM := strconv.ParseUint(part[1], 10, 8)
	seconds, errS := strconv.ParseFloat(part[2], 64)
	if errH != nil || errM != nil || errS != nil || !(seconds >= 0 && seconds < 61) {
		return 0
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds*float64(time.Second))
}

// addShowinfo takes a line of the filter showinfo, of which there are two for each frame:
//
//	n:   1 pts:    200 pts_time:0.2     pos:     2306 fmt:yuv422p sar:1/1 s:160x120 i:P iskey:0 type:I
//	color_range:tv color_space:unknown color_primaries:unknown color_trc:unknown
//
// The text of another thread may stand between any two words, which ends a line early.
func (p *parser) addShowinfo(text string) (complete bool) {
	if strings.HasPrefix(text, "n:") {
		p.frame, p.open = frameInfo{pts: noTime}, true
	}
	if !p.open {
		return false
	}
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, ":")
		f := &p.frame
		switch key {
		case "pts_time":
			if s, err := strconv.ParseFloat(value, 64); err == nil && math.Abs(s) < maxSeconds {
				f.pts = time.Duration(math.Round(s * float64(time.Second)))
			}
		case "fmt":
			if f.pixFmt == "" {
				f.pixFmt = value
			}
		case "s":
			if f.width == 0 {
				f.width, f.height = parseSize(value)
			}
		case "color_range":
			f.colorRange = known(value, ranges)
		case "color_space":
			f.matrix = known(value, matrixNames)
		case "color_primaries":
			f.primaries = known(value, primaryNames)
		case "color_trc":
			f.transfer = known(value, transferNames)
			p.open = false
			return true
		}
	}
	return false
}

// maxSeconds bounds a time stamp, so that it fits a time.Duration.
const maxSeconds = 9e9

// parseSize parses "160x120". It returns zeros for what is not a size.
func parseSize(s string) (width, height int) {
	w, h, _ := strings.Cut(s, "x")
	w64, errW := strconv.ParseUint(w, 10, 20)
	h64, errH := strconv.ParseUint(h, 10, 20)
	if errW != nil || errH != nil || w64 == 0 || h64 == 0 {
		return 0, 0
	}
	return int(w64), int(h64)
}

// known returns the longest of names that value begins with, or "": the text of another thread may follow it.
func known(value string, names []string) (found string) {
	for _, name := range names {
		if len(name) > len(found) && strings.HasPrefix(value, name) {
			found = name
		}
	}
	return found
}

// maxLogLine bounds the lines of ffmpeg's standard error: the rest of a longer one is ignored.
const maxLogLine = 4096

// log reads ffmpeg's standard error as it comes. Its methods may be called from any goroutine.
type log struct {
	mu     sync.Mutex
	parser parser
	frames []frameInfo   // of which next was not called yet
	ended  bool          // the standard error has ended
	news   chan struct{} // of capacity 1: frames or ended has changed
	done   chan struct{} // closed when ended is set
}

// newLog starts to read r, until its end.
func newLog(r io.Reader) *log {
	l := &log{news: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run(r)
	return l
}

func (l *log) run(r io.Reader) {
	defer close(l.done)
	br := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := br.ReadSlice('\n')
		l.mu.Lock()
		if l.parser.add(string(line)) {
			l.frames = append(l.frames, l.parser.frame)
		}
		l.ended = err != nil && err != bufio.ErrBufferFull
		l.mu.Unlock()
		for err == bufio.ErrBufferFull {
			_, err = br.ReadSlice('\n')
		}
		select {
		case l.news <- struct{}{}:
		default:
		}
		if err != nil {
			l.mu.Lock()
			l.ended = true
			l.mu.Unlock()
			return
		}
	}
}

// next waits for the next frame. It returns false when there is none.
func (l *log) next() (frameInfo, bool) {
	for {
		l.mu.Lock()
		if len(l.frames) > 0 {
			f := l.frames[0]
			l.frames = slices.Delete(l.frames, 0, 1)
			l.mu.Unlock()
			return f, true
		}
		ended := l.ended
		l.mu.Unlock()
		if ended {
			return frameInfo{}, false
		}
		select {
		case <-l.news:
		case <-l.done:
		}
	}
}

// said returns what was said so far. The failures are the caller's.
func (l *log) said() (info Info, audio string, failures []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.parser.info, l.parser.audio, slices.Clone(l.parser.failures)
}

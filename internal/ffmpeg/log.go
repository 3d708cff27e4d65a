package ffmpeg

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// frameInfo is the description by the filter showinfo of a frame that ffmpeg is about to write.
type frameInfo struct {
	pts           time.Duration // from the start of the stream; noTime when unknown
	pixFmt        string        // "yuv420p"
	width, height int
	colorRange    string // "tv", "pc"; these four are empty when unknown
	matrix        string // "bt709", "bt2020nc", "gbr"
	primaries     string // "bt2020"
	transfer      string // "smpte2084"
}

// noTime stands for an unknown time stamp.
const noTime = time.Duration(math.MinInt64)

// logLine is a line of ffmpeg's standard error with the options -loglevel repeat+level+info. Its parts are parts of the
// line:
//
//	[h264 @ 0x55dacd3d5ac0] [error] no frame!
type logLine struct {
	source []byte // "h264"; empty for ffmpeg itself
	level  string // "error"; empty for a part of a line, which follows another
	text   []byte
}

// parseLine splits a line.
func parseLine(line []byte) (l logLine) {
	for len(line) > 0 && line[0] == '[' {
		name, rest, ok := bytes.Cut(line[1:], []byte("]"))
		if !ok {
			break
		}
		source, _, isSource := bytes.Cut(name, []byte(" @ 0x"))
		level := match(name, levels)
		switch {
		case l.level != "":
			l.text = bytes.TrimSpace(line)
			return l
		case isSource:
			l.source = source
		case level != "" && len(level) == len(name):
			l.level = level
		default:
			l.text = bytes.TrimSpace(line)
			return l
		}
		line = bytes.TrimPrefix(rest, []byte(" "))
	}
	l.text = bytes.TrimRight(line, " \r\n")
	return l
}

// levels are the log levels that ffmpeg names, down to the one that it is asked for.
var levels = []string{"panic", "fatal", "error", "warning", "info"}

// match returns the longest of names that text begins with, or "".
func match(text []byte, names []string) (found string) {
	for _, name := range names {
		if len(name) > len(found) && len(name) <= len(text) && string(text[:len(name)]) == name {
			found = name
		}
	}
	return found
}

// showinfo begins the name of the filter that describes frames.
const showinfo = "Parsed_showinfo_"

// parser reads ffmpeg's standard error, line by line. The zero parser is ready.
type parser struct {
	info     Info
	tag      string // the file's name of a codec that ffmpeg does not know
	audio    string // codec of the first audio stream
	failures []string
	num, den int64 // the time base of pts, in seconds; 0 when unknown
	frame    frameInfo
	open     bool // frame has begun, and its colors have not ended
}

// maxFailures is how many complaints a parser keeps: the first ones and the last one.
const maxFailures = 16

// add takes a line, which it borrows. It returns true when the line completes a frame, which is p.frame. It allocates
// nothing for lines about frames.
func (p *parser) add(line []byte) bool {
	l := parseLine(line)
	if bytes.HasPrefix(l.source, []byte(showinfo)) {
		return p.addShowinfo(l.text)
	}
	switch l.level {
	case "panic", "fatal", "error":
		p.fail(l)
	case "info":
		p.describe(strings.TrimSpace(string(l.text)))
	}
	return false
}

// fail keeps a complaint.
func (p *parser) fail(l logLine) {
	if len(l.text) == 0 {
		return
	}
	text := string(l.text)
	if len(l.source) > 0 && !strings.Contains(text, "file:") {
		text = string(l.source) + ": " + text
	}
	if len(p.failures) == maxFailures {
		p.failures = p.failures[:maxFailures-1]
	}
	p.failures = append(p.failures, text)
}

// describe parses ffmpeg's description of the input. Only the first video stream counts that is not an image in an
// audio file.
func (p *parser) describe(text string) {
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

// describeVideo parses the description of a video stream: "h264 (High), yuv420p, 640x360, 25 fps, 25 tbr, 1k tbn".
func (p *parser) describeVideo(text string) {
	p.info.Codec = firstWord(text)
	if tag, ok := strings.CutPrefix(text, noCodec+" ("); ok { // "none (XXXX / 0x58585858), none, 320x240"
		p.tag = firstWord(tag)
	}
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

// noCodec is ffmpeg's name of an unknown codec.
const noCodec = "none"

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

// addShowinfo takes a line of the filter showinfo, which writes two for each frame:
//
//	n:   1 pts:    200 pts_time:0.2     pos:     2306 fmt:yuv422p sar:1/1 s:160x120 i:P iskey:0 type:I
//	color_range:tv color_space:unknown color_primaries:unknown color_trc:unknown
//
// Text of another thread may stand between any two words, which ends a line early. pts_time has only six digits, so
// times are computed from pts and the time base, which is in a line of its own: "config in time_base: 1/1000, ...".
func (p *parser) addShowinfo(text []byte) (complete bool) {
	if base, ok := bytes.CutPrefix(text, []byte("config in time_base: ")); ok {
		base, _, _ = bytes.Cut(base, []byte(","))
		n, d, _ := bytes.Cut(base, []byte("/"))
		if p.num, p.den = parseInt(n), parseInt(d); p.num <= 0 || p.den <= 0 {
			p.num, p.den = 0, 0
		}
		return false
	}
	if bytes.HasPrefix(text, []byte("n:")) {
		p.frame, p.open = frameInfo{pts: noTime}, true
	}
	f := &p.frame
	for p.open && len(text) > 0 {
		word, rest := nextWord(text)
		text = rest
		key, value, _ := bytes.Cut(word, []byte(":"))
		if len(value) == 0 && len(rest) > 0 && string(key) == "pts" { // "pts:    200"
			value, text = nextWord(rest)
		}
		switch string(key) {
		case "pts":
			f.pts = p.time(value)
		case "fmt":
			if f.pixFmt == "" {
				f.pixFmt = exact(value, pixelFormatNames)
			}
		case "s":
			if f.width == 0 {
				f.width, f.height = parseSize(value)
			}
		case "color_range":
			f.colorRange = match(value, ranges)
		case "color_space":
			f.matrix = match(value, matrixNames)
		case "color_primaries":
			f.primaries = match(value, primaryNames)
		case "color_trc":
			f.transfer = match(value, transferNames)
			p.open = false
			return true
		}
	}
	return false
}

// nextWord returns the first word of text, and what follows it.
func nextWord(text []byte) (word, rest []byte) {
	text = bytes.TrimLeft(text, " ")
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, nil
}

// exact returns the one of names that is text, or text itself.
func exact(text []byte, names []string) string {
	if name := match(text, names); len(name) == len(text) {
		return name
	}
	return string(text)
}

// time returns the time of a pts, or noTime when it is not a number, or too large.
func (p *parser) time(pts []byte) time.Duration {
	n := parseInt(pts)
	if n == noNumber || p.den == 0 {
		return noTime
	}
	seconds := float64(n) * float64(p.num) / float64(p.den)
	if math.Abs(seconds) > maxSeconds {
		return noTime
	}
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// maxSeconds bounds a time stamp, so that it fits a time.Duration.
const maxSeconds = 9e9

// noNumber is what parseInt returns for text that is not a number.
const noNumber = math.MinInt64

// parseInt parses decimal digits, with or without a minus.
func parseInt(b []byte) int64 {
	digits := bytes.TrimPrefix(b, []byte("-"))
	if len(digits) == 0 || len(digits) > 18 { // 18 digits fit
		return noNumber
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return noNumber
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(b) {
		return -n
	}
	return n
}

// parseSize parses "160x120". It returns zeros for what is not a size.
func parseSize(b []byte) (width, height int) {
	w, h, _ := bytes.Cut(b, []byte("x"))
	w64, h64 := parseInt(w), parseInt(h)
	if w64 <= 0 || h64 <= 0 || w64 > maxSide || h64 > maxSide {
		return 0, 0
	}
	return int(w64), int(h64)
}

// maxSide bounds a size that is read: above what any frame may have.
const maxSide = 1 << 20

// maxLogLine bounds the lines of ffmpeg's standard error: the rest of a longer one is ignored.
const maxLogLine = 4096

// log reads ffmpeg's standard error as it comes. Its methods may be called from any goroutine.
type log struct {
	mu     sync.Mutex
	parser parser
	frames []frameInfo   // that next has not returned yet
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
		if l.parser.add(line) {
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

// next waits for the next frame. It returns false after the last.
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

// said returns the log so far; the caller may keep it.
func (l *log) said() parser {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.parser
	said.failures = slices.Clone(said.failures)
	return said
}

package httpapi

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

const (
	typeY4M = "video/x-yuv4mpeg"
	// typeFrames is the Content-Type of raw frames with a line before each, as ingest.NewLines reads them.
	typeFrames = "application/x-steadyframe-frames"
	typeForm   = "application/x-www-form-urlencoded"
)

// rawTypes are the Content-Types of a body whose form the query or the body's first bytes say;
// application/x-www-form-urlencoded is what curl calls everything. ffmpeg says nothing.
var rawTypes = []string{"", "application/octet-stream", typeForm, "video/x-raw", "video/raw"}

// jpegTypes are the Content-Types of JPEGs one after the other.
var jpegTypes = []string{typeMotionJPEG, "image/jpeg", "image/jpg", "video/x-mjpeg", "video/mjpeg"}

// bodyForm is how a body holds frames.
type bodyForm uint8

const (
	unsaid bodyForm = iota
	rawFrames
	y4mStream
	jpegParts  // of a multipart stream
	jpegStream // one after the other
)

// String returns the form as an error names it.
func (f bodyForm) String() string {
	return [...]string{"unknown", "raw", "Y4M", "multipart", "JPEG"}[f]
}

// media is what the head of a request says of its body.
type media struct {
	form     bodyForm
	boundary string // of jpegParts; empty when it does not say
	lines    bool   // whether each of rawFrames begins with a line
}

// checkEncoding refuses compressed bodies.
func checkEncoding(r *http.Request) error {
	if c := r.Header.Get("Content-Encoding"); c != "" && c != "identity" {
		return &fault.Error{Kind: fault.Unsupported, Field: "Content-Encoding", Reason: "got Content-Encoding " + c + ", want none"}
	}
	return nil
}

// mediaOf returns what r says of its body. It refuses types that are not known, and JPEGs unless live is set.
func mediaOf(r *http.Request, live bool) (media, error) {
	if err := checkEncoding(r); err != nil {
		return media{}, err
	}
	header := r.Header.Get("Content-Type")
	if header == "" {
		return media{}, nil
	}
	kind, parameters, err := mime.ParseMediaType(header)
	multipart := live && strings.HasPrefix(kind, "multipart/")
	switch {
	case err != nil && !(multipart && errors.Is(err, mime.ErrInvalidMediaParameter)): // The body has the boundary, too.
		return media{}, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type", Reason: fmt.Sprintf("Content-Type: got %.80q, want one such as application/octet-stream", header), Err: err}
	case multipart:
		return media{form: jpegParts, boundary: parameters["boundary"]}, nil
	case live && kind == typeFrames:
		return media{form: rawFrames, lines: true}, nil
	case kind == typeY4M:
		return media{form: y4mStream}, nil
	case slices.Contains(rawTypes, kind):
		return media{}, nil
	case live && slices.Contains(jpegTypes, kind):
		return media{form: jpegStream}, nil
	}
	want := typeY4M + " or application/octet-stream"
	if live {
		want = typeY4M + ", multipart/x-mixed-replace, image/jpeg or application/octet-stream"
	}
	return media{}, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type", Reason: "got Content-Type " + kind + ", want " + want}
}

// files are how files begin that people send in place of the frames in them.
var files = []struct {
	at    int
	begin string
	name  string
}{
	{0, "\xff\xd8\xff", "a JPEG"}, {0, "\x89PNG", "a PNG"}, {0, "GIF8", "a GIF"}, {0, "RIFF", "a WebP or AVI file"},
	{4, "ftyp", "an MP4, MOV or HEIF file"}, {0, "\x1a\x45\xdf\xa3", "a Matroska or WebM file"},
}

// refuseFile refuses a body without a description whose head is that of a file which others have to decode first.
func refuseFile(head []byte, live bool) error {
	for _, f := range files {
		if len(head) < f.at || !strings.HasPrefix(string(head[f.at:]), f.begin) {
			continue
		}
		want, program := "raw frames with format and size, or Y4M", "steadyframe encode FILE -o FOLDER"
		if live {
			want, program = "JPEGs, Y4M, or raw frames with format and size", "steadyframe push FILE URL"
		}
		return fault.Errorf(fault.Invalid, "the body is %s, want %s; `%s` decodes files", f.name, want, program)
	}
	return nil
}

// recognize returns the form of a body that begins with head.
func recognize(head []byte, live bool) bodyForm {
	switch {
	case ingest.IsY4M(head):
		return y4mStream
	case live && ingest.IsMultipart(head):
		return jpegParts
	case live && ingest.IsJPEG(head):
		return jpegStream
	}
	return rawFrames
}

package ffmpeg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotFound says how to get ffmpeg.
var ErrNotFound = errors.New("ffmpeg not found on PATH: install it with: sudo apt-get install ffmpeg")

// Error says why ffmpeg did not read an input to its end.
type Error struct {
	Cause   string // for display: "it has no video stream"
	Exit    error  // how ffmpeg ended; nil when that does not matter
	Unknown bool   // ffmpeg does not know the format of the input
}

func (e *Error) Error() string {
	if e.Cause == "" {
		return fmt.Sprintf("ffmpeg failed (%v)", e.Exit)
	}
	return e.Cause
}

// Unwrap returns Exit.
func (e *Error) Unwrap() error { return e.Exit }

// vague are the beginnings of failures that follow from others and do not say what was wrong.
var vague = []string{
	"Conversion failed", "Error opening", "Error while decoding", "Error while filtering", "Error while processing",
	"Error submitting", "Error marking", "Error sending", "Error writing", "Error muxing", "Error closing", "Error reinitializing",
	"Error initializing", "Error parsing options", "Error parsing global", "Error splitting", "Could not find codec parameters",
	"Failed to inject", "Failed to set value", "Nothing was written", "Output file", "Task finished with error",
	"Terminating thread", "Cannot determine format", "No filtered frames", "Decode error rate",
}

// vagueEnds are the ends of such failures.
var vagueEnds = []string{"Input/output error", "End of file", "Immediate exit requested"}

// isVague reports whether a failure names no cause.
func isVague(failure string) bool {
	for _, end := range vagueEnds {
		if strings.HasSuffix(failure, end) {
			return true
		}
	}
	for i := range 2 { // with and without its source: "vost#0:0/rawvideo: Error initializing ..."
		if i == 1 {
			_, failure, _ = strings.Cut(failure, ": ")
		}
		for _, begin := range vague {
			if strings.HasPrefix(failure, begin) {
				return true
			}
		}
	}
	return false
}

// explain returns why ffmpeg ended, as its log says.
func explain(said parser, o *Options) string {
	has := func(text string) bool {
		return slices.ContainsFunc(said.failures, func(f string) bool { return strings.Contains(f, text) })
	}
	switch {
	case has("Unrecognized option 'fps_mode'"):
		return "this ffmpeg is too old: want version 5.1 or newer"
	case has("No such filter: 'zscale'"), has("No such filter: 'tonemap'"):
		return fmt.Sprintf("it is HDR (%s), and this ffmpeg has no filters zscale and tonemap to make it SDR: install an ffmpeg "+
			"that was built with libzimg, or convert the video to SDR first", o.hdr)
	case has("matches no streams") && said.audio != "":
		return "it has no video stream, only audio (" + said.audio + ")"
	case has("matches no streams"):
		return "it has no video stream"
	case said.info.Codec == noCodec || has("Decoder (codec") || has("Decoder not found"):
		codec := said.info.Codec
		if codec == "" || codec == noCodec {
			codec = cmp.Or(said.tag, "unknown")
		}
		return "this ffmpeg has no decoder for its video, whose codec is " + codec
	case o.Stdin != nil && (has("moov atom not found") || has("partial file")):
		return "the index of this MP4 (moov atom) is not at its beginning, so that it cannot be read from a pipe: " +
			"name the file instead, or make it with -movflags +faststart"
	case has("moov atom not found"):
		// ffmpeg goes by the name, so the content may be anything.
		return "it has no index (moov atom), so that it is an MP4 that was cut short, or none"
	}
	return lastCause(said.failures, o)
}

// invalidData is ffmpeg's message for an input of unknown format.
const invalidData = "Invalid data found when processing input"

// isUnknown reports whether failures say that ffmpeg does not know the format of the input.
func isUnknown(failures []string) bool {
	return slices.ContainsFunc(failures, func(f string) bool {
		return strings.HasSuffix(f, invalidData) || strings.Contains(f, "moov atom not found")
	})
}

// lastCause returns the last failure that says what was wrong.
func lastCause(failures []string, o *Options) string {
	for i := len(failures) - 1; i >= 0; i-- {
		if f := failures[i]; !isVague(f) {
			f = strings.TrimPrefix(f, "file:")
			if name := o.Path + o.URL; name != "" {
				f = strings.TrimPrefix(f, name+": ")
			}
			if strings.HasSuffix(f, invalidData) {
				return "ffmpeg does not know its format, or it is damaged (" + invalidData + ")"
			}
			return f
		}
	}
	if len(failures) > 0 {
		return failures[len(failures)-1]
	}
	return ""
}

// Package plain makes error messages fit for users. Errors of this module begin with the name of the package that made
// them, which helps who reads the code. Who sits at a terminal, or reads a response, did not ask for it.
package plain

import (
	"slices"
	"strings"
)

// Packages are the names that messages begin with. A test at the root compares them with the code.
var Packages = []string{
	"apispec", "band", "camera", "client", "cluster", "config", "conn", "console", "engine", "ffmpeg", "frame", "grpcapi", "httpapi",
	"impl", "ingest", "jpeg", "jpegcore", "jpegdec", "live", "mel", "mkv", "pipeline", "pool", "ring", "rtp", "scene", "server", "stills",
	"stream", "synth",
}

// standard are packages of the standard library whose errors begin with their names too, and reach users.
var standard = []string{"http", "json", "mime", "net/http", "strconv", "time"}

// Text returns a message without the names of packages that stand in it before a colon: "frame 3: jpeg: quality: got 0" as
// "frame 3: quality: got 0". What then only repeats the name before it goes too: "--size: size: got 0x0" is "--size: got 0x0".
func Text(message string) string {
	if !strings.Contains(message, ": ") {
		return message
	}
	var kept []string
	parts := strings.Split(message, ": ")
	for i, part := range parts {
		last := len(parts) - 1
		repeats := len(kept) > 0 && part == strings.TrimLeft(kept[len(kept)-1], "-")
		if i < last && (slices.Contains(Packages, part) || slices.Contains(standard, part) || repeats) {
			continue
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ": ")
}

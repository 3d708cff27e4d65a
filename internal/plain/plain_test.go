package plain

import "testing"

func TestText(t *testing.T) {
	for message, want := range map[string]string{
		"":                                      "",
		"no such file":                          "no such file",
		"frame 3: got 12 bytes, want 691200":    "frame 3: got 12 bytes, want 691200",
		"pipeline: crop: got 9x9+0+0":           "crop: got 9x9+0+0",
		"--resize: pipeline: unreadable size":   "--resize: unreadable size",
		"--size: frame: size: got \"0x0\"":      "--size: got \"0x0\"",
		"frame 3: pipeline: jpeg: quality: got": "frame 3: quality: got",
		"config: http.listen: got \"x\"":        "http.listen: got \"x\"",
		"the pipeline: closed":                  "the pipeline: closed",
		"input a: a: b":                         "input a: a: b",
		"--for: time: invalid duration \"x\"":   "--for: invalid duration \"x\"",
		"pool: ":                                "",
		"pool:":                                 "pool:",
		"dial unix: dial unix: refused":         "dial unix: refused",
	} {
		if got := Text(message); got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}

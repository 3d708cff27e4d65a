package e2e

import (
	"bytes"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// TestReadme runs the README's commands in their order, as one script beside the files that they name: what a newcomer
// copies works. Those of make are left out, as continuous integration runs them; the server is started by the test, on
// a port of its own.
func TestReadme(t *testing.T) {
	t.Parallel()
	bash := exttool.Require(t, "bash", "bash")
	exttool.Require(t, "curl", "curl")
	dir := t.TempDir()
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=1", "-c:v", "mpeg4", filepath.Join(dir, "clip.mp4"))

	script := readmeScript(t)
	if !strings.Contains(script, "localhost:8080") || !strings.Contains(script, "steadyframe encode") {
		t.Fatalf("the README's commands lack curl or encode:\n%s", script)
	}
	script = strings.ReplaceAll(script, "localhost:8080", serve(t).HTTP)
	run := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", script)
	run.Dir = dir
	run.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v in\n%s\n%s", err, script, out)
	}
	for _, name := range []string{"out/frame-000001.jpg", "out/frame-000025.jpg", "out.mjpeg", "frame.jpg"} {
		if _, err := jpeg.Decode(bytes.NewReader(read(t, filepath.Join(dir, name)))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// readmeScript returns the README's commands, without make and the start of a server.
func readmeScript(t *testing.T) string {
	t.Helper()
	var script strings.Builder
	for _, block := range shellBlock.FindAllSubmatch(read(t, "../README.md"), -1) {
		for line := range strings.Lines(string(block[1])) {
			if !strings.HasPrefix(line, "make ") && !strings.HasPrefix(line, "steadyframe serve") {
				script.WriteString(line)
			}
		}
	}
	return script.String()
}

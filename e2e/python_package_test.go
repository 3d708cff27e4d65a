package e2e

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// pythonWith returns a Python that has those modules, of those Debian packages: the first of PATH, or Debian's. Where there is
// none it skips t, or, where the environment says CI=true, fails it.
func pythonWith(t *testing.T, modules, packages string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import "+modules).Run() == nil {
			return python
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no Python with %s (Debian packages %s)", modules, packages)
	}
	t.Skipf("no Python with %s (Debian packages %s)", modules, packages)
	return ""
}

// packageCommand returns a command that runs in clients/python, with the program under test, and leaves nothing there.
func packageCommand(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = "../clients/python"
	cmd.Env = append(os.Environ(), "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1", "TEST_STEADYFRAME_PROGRAM="+program)
	return cmd
}

// TestPythonPackage runs the tests of the Python package, the files beside each other: they mostly wait.
func TestPythonPackage(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "numpy, cv2, pytest, PIL", "python3-numpy, python3-opencv, python3-pytest, python3-pil")
	files, err := filepath.Glob("../clients/python/tests/test_*.py")
	if err != nil || len(files) < 2 {
		t.Fatalf("got test files %q, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := packageCommand(t, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=120", "--basetemp", t.TempDir(), "tests/"+name).CombinedOutput()
			if err != nil {
				t.Errorf("pytest: %v\n%s", err, out)
			}
		})
	}
}

// TestPythonPackageTypes checks the types of the Python package.
func TestPythonPackageTypes(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "mypy, numpy", "mypy, python3-numpy")
	if out, err := packageCommand(t, python, "-m", "mypy", "--cache-dir", t.TempDir()).CombinedOutput(); err != nil {
		t.Errorf("mypy: %v\n%s", err, out)
	}
}

// TestPythonPackageBuilds builds wheel and sdist as make does: twice the same bytes, with all that a user needs.
func TestPythonPackageBuilds(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "hatchling", "python3-hatchling")
	var built [2]map[string][]byte
	for i := range built {
		dir := t.TempDir()
		if out, err := packageCommand(t, python, "-m", "hatchling", "build", "-d", dir).CombinedOutput(); err != nil {
			t.Fatalf("hatchling: %v\n%s", err, out)
		}
		built[i] = map[string][]byte{}
		for _, kind := range []string{"*.whl", "*.tar.gz"} {
			files, err := filepath.Glob(filepath.Join(dir, kind))
			if err != nil || len(files) != 1 {
				t.Fatalf("%s: got %q, %v, want one", kind, files, err)
			}
			built[i][kind] = read(t, files[0])
		}
	}
	for kind, data := range built[0] {
		if !bytes.Equal(data, built[1][kind]) {
			t.Errorf("%s: got other bytes from the second build", kind)
		}
	}
	wheel := unzip(t, built[0]["*.whl"])
	sources, err := filepath.Glob("../clients/python/steadyframe/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if name := filepath.Base(source); name != "__pycache__" && !bytes.Equal(wheel["steadyframe/"+name], read(t, source)) {
			t.Errorf("the wheel has not %s as it is", name)
		}
	}
	for name, data := range wheel {
		if strings.HasSuffix(name, "/METADATA") && (bytes.Contains(data, []byte("Requires-Dist")) || !bytes.Contains(data, []byte("Requires-Python: >=3.9"))) {
			t.Errorf("%s: got dependencies, or no Requires-Python\n%s", name, data)
		}
	}
}

// unzip returns the files of an archive.
func unzip(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestPythonPackageNamesAreWhole: what the package exports is what it says.
func TestPythonPackageNamesAreWhole(t *testing.T) {
	t.Parallel()
	const show = "import steadyframe, types; print(*sorted(n for n, v in vars(steadyframe).items() if n[0] != '_' and not isinstance(v, types.ModuleType)))\n" +
		"print(*sorted(steadyframe.__all__))"
	out, err := packageCommand(t, pythonWith(t, "typing", "python3"), "-c", show).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 2 || !slices.Equal(strings.Fields(lines[0]), strings.Fields(lines[1])) {
		t.Errorf("%v: got names and __all__ %q, want the same", err, lines)
	}
}

// runPython runs one of examples/python, or code, with the package, against a server.
func runPython(t *testing.T, url, dir string, args ...string) *exec.Cmd {
	t.Helper()
	source, err := filepath.Abs("../clients/python")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), pythonWith(t, "numpy, cv2", "python3-numpy, python3-opencv"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1", "STEADYFRAME_URL="+url)
	return cmd
}

// TestPythonPackageExamples runs the programs of examples/python to their end.
func TestPythonPackageExamples(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("../examples/python")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + serve(t).HTTP
	run := func(want, name string, args ...string) {
		t.Helper()
		out, err := runPython(t, url, t.TempDir(), append([]string{filepath.Join(examples, name)}, args...)...).CombinedOutput()
		if err != nil || !regexp.MustCompile(want).Match(out) {
			t.Errorf("%s %q: %v, got %q, want %s", name, args, err, out, want)
		}
	}
	t.Run("batch", func(t *testing.T) {
		dir := t.TempDir()
		run("^25 images\n$", "batch.py", dir)
		for i := range 25 {
			out, err := jpeg.Decode(bytes.NewReader(read(t, filepath.Join(dir, fmt.Sprintf("frame-%06d.jpg", i)))))
			if err != nil || out.Bounds().Dx() != 320 || out.Bounds().Dy() != 320 {
				t.Errorf("frame %d: %v, want a JPEG of 320x320", i, err)
			}
		}
	})
	// aside runs a program that has no end until the test has had what it wants, and returns what that said.
	aside := func(t *testing.T, name string, args ...string) (end func() string) {
		t.Helper()
		cmd := runPython(t, url, t.TempDir(), append([]string{filepath.Join(examples, name)}, args...)...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() string {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // It was killed.
			return said.String()
		}
	}
	const image = "(?m)^image [0-9]+: %s, mean [0-9.]+, [-0-9.]+ ms old$"
	t.Run("webcam", func(t *testing.T) {
		end := aside(t, "webcam.py", "webcam")
		run(fmt.Sprintf(image, "640x360"), "watch.py", "webcam", "5")
		if said := end(); !strings.Contains(said, url+"/stream/webcam.mjpg") {
			t.Errorf("webcam.py: got %q, want where to look", said)
		}
		run("(?m)^[0-3] frames$", "webcam.py", "other", "3")
	})
	t.Run("avatar", func(t *testing.T) {
		end := aside(t, "avatar.py", "avatar")
		run(fmt.Sprintf(image, "640x360"), "watch.py", "avatar", "5")
		if said := end(); !strings.Contains(said, url+"/stream/avatar.mjpg") {
			t.Errorf("avatar.py: got %q, want where to look", said)
		}
		run("(?m)^20 images, 1[0-9] of them with a region$", "avatar.py", "brief", "20")
	})
	t.Run("model", func(t *testing.T) { // It makes its second frame when somebody watches.
		end := aside(t, "watch.py", "model")
		run("^40 frames, ", "model.py", "model", "40")
		if said := end(); !regexp.MustCompile(fmt.Sprintf(image, "256x256")).MatchString(said) {
			t.Errorf("watch.py: got %q, want images of 256x256", said)
		}
	})
}

// TestReadmePython runs the README's first lines of Python, until their stream is there.
func TestReadmePython(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^```python\n(.*?)^```$").FindSubmatch(read(t, "../README.md"))
	if block == nil || bytes.Count(block[1], []byte("\n")) != 3 {
		t.Fatalf("got %q, want three lines of Python first", block)
	}
	server := serve(t)
	cmd := runPython(t, "http://"+server.HTTP, t.TempDir(), "-c", string(block[1]))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // It is killed.
	}()
	daemon.WaitFor(t, "the stream", func() bool {
		select {
		case <-ended:
			t.Fatalf("it ended: %s", said.Bytes())
		default:
		}
		return server.Stream(t, "numpy").Arrived > 3
	})
	_ = cmd.Process.Kill()
	<-ended
}

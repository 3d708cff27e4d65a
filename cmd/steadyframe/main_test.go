package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// parser returns the command line's parser, which exits from nothing.
func parser(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := newProgram().Parser(new(commands), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// give parses the command of n with that value for a flag, and whatever else the command requires.
func give(t *testing.T, n *kong.Node, flag, value string) error {
	t.Helper()
	args := strings.Fields(n.Path())
	args = args[:slices.IndexFunc(append(args, "<"), func(s string) bool { return s[0] == '<' || s[0] == '-' || s[0] == '[' })]
	args = append(args, "--"+flag+"="+value)
	for _, f := range n.Flags {
		if f.Required && f.Name != flag {
			args = append(args, "--"+f.Name+"=x")
		}
	}
	for _, p := range n.Positional {
		if p.Required {
			args = append(args, "bash")
		}
	}
	_, err := parser(t).Parse(args)
	return err
}

// packageName is the beginning of an error of a package, anywhere in a message.
var packageName = regexp.MustCompile(`(^|: )(` + strings.Join(plain.Packages, "|") + `): `)

// Every flag refuses a value that makes no sense by its own name, and without the names of packages; and takes all values that
// completion offers.
func TestFlagValues(t *testing.T) {
	refused, taken := 0, 0
	for _, n := range parser(t).Model.Leaves(false) {
		for _, f := range n.Flags {
			if f.IsBool() || n.Passthrough {
				continue
			}
			if err := give(t, n, f.Name, "\x01?"); err != nil {
				refused++
				if msg := cli.Message(err); packageName.MatchString(msg) || !strings.Contains(msg, "--"+f.Name) {
					t.Errorf("%s --%s: got %q, want the flag's name, and no package's", n.FullPath(), f.Name, msg)
				}
			}
			for _, value := range strings.Split(f.Tag.Get("values"), ",") {
				if value == "" {
					continue
				}
				taken++
				if err := give(t, n, f.Name, value); err != nil && strings.HasPrefix(err.Error(), "--"+f.Name+": ") {
					t.Errorf("%s --%s: completion offers a value that is refused: %v", n.FullPath(), f.Name, err)
				}
			}
		}
	}
	if refused < 30 || taken < 60 {
		t.Errorf("got %d flags that refuse nonsense and %d values, want 30 and 60 at least: does the test look at them?", refused, taken)
	}
}

func TestHint(t *testing.T) {
	for flag, want := range map[string]string{
		"--http.listen": "use --http", "--http-listen": "use --http", "--limits.memory_budget": "use --memory-budget",
		"--limits.max-batch": "use --set limits.max_batch=VALUE", "--port": "use --http HOST:PORT", "--nonsense": "", "-q": "",
	} {
		if got := hint(flag); got != want {
			t.Errorf("%s: got %q, want %q", flag, got, want)
		}
	}
}

// serve says where a browser finds the page, and programs the ring.
func TestIntroduce(t *testing.T) {
	var b bytes.Buffer
	introduce(&b, server.Addrs{HTTP: "0.0.0.0:8080", Ring: "unix:/run/user/1/steadyframe.sock"}, false)
	introduce(&b, server.Addrs{HTTP: "unix:/tmp/http"}, true)
	if want := "page  http://localhost:8080/\nring  unix:/run/user/1/steadyframe.sock\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// What keeps a server from listening is said, with what to do.
func TestListenAdvice(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EADDRINUSE: "sudo steadyframe doctor says who has it", syscall.EACCES: "choose a port above 1023", syscall.EADDRNOTAVAIL: "no such address",
	} {
		err := fmt.Errorf("server: http.listen: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", errno)})
		if got := listenAdvice(err); !errors.Is(got, errno) || !strings.Contains(got.Error(), want) {
			t.Errorf("%v: got %v, want %q", errno, got, want)
		}
	}
	folder := fmt.Errorf("ring.listen: %w", &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: "/nowhere/at/s", Net: "unix"}, Err: os.NewSyscallError("bind", syscall.ENOENT)})
	if got := listenAdvice(folder); !strings.HasSuffix(got.Error(), "mkdir -p /nowhere/at") {
		t.Errorf("got %v, want the folder to make", got)
	}
}

// TestHelpCommand: help encode is what encode --help is.
func TestHelpCommand(t *testing.T) {
	run := func(args ...string) (string, int) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		old := os.Stdout
		os.Stdout = w
		read := make(chan []byte)
		go func() { text, _ := io.ReadAll(r); read <- text }()
		code := newProgram().Run(args, new(commands))
		os.Stdout = old
		w.Close()
		return string(<-read), code
	}
	for _, command := range [][]string{{}, {"encode"}, {"token", "new"}} {
		want, _ := run(append(slices.Clone(command), "--help")...)
		if got, code := run(append([]string{"help"}, command...)...); code != 0 || got != want || !strings.HasPrefix(got, "Usage: steadyframe "+strings.Join(command, " ")) {
			t.Errorf("help %v: got code %d and\n%s, want\n%s", command, code, got, want)
		}
	}
}

// completion returns the script of a shell, as a file.
func completion(t *testing.T, shell string) string {
	t.Helper()
	script, err := cli.Completion(shell, parser(t).Model)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "steadyframe."+shell)
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCompletion lets each shell complete command lines by its script.
func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		line string // what stands there when Tab is pressed
		want string // among the candidates
		not  string // and this is not; may be empty
	}{
		{"steadyframe enc", "encode", "push"},
		{"steadyframe scene ch", "check", "encode"},
		{"steadyframe encode --for", "--format", "--token"},
		{"steadyframe encode in.mp4 --format bgr", "bgr24p", "rgb24"},
		{"steadyframe push --filter ", "bilinear", "stretch"},
		{"steadyframe serve --stre", "--stream", "--resize"},
		{"steadyframe completion f", "fish", "zsh"},
		{"steadyframe bench po", "pooling", "load"},
		{"steadyframe encode here-i", "here-it-is.mp4", ""},
	} {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(tt.line, "steadyframe "), " ", "_"), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "here-it-is.mp4"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			for shell, run := range map[string]string{
				"bash": `source "$1"; read -ra COMP_WORDS <<<"$2"; [[ $2 == *' ' ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
					_steadyframe; printf '%s\n' "${COMPREPLY[@]}"`,
				"fish": `source $argv[1]; complete -C $argv[2]`,
			} {
				args := []string{"-c", run}
				if shell == "bash" {
					args = append(args, "bash") // $0
				}
				cmd := exec.Command(exttool.Require(t, shell, shell), append(args, completion(t, shell), tt.line)...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", shell, err, out)
				}
				var got []string
				for line := range strings.Lines(string(out)) {
					candidate, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
					got = append(got, candidate)
				}
				if !slices.Contains(got, tt.want) || tt.not != "" && slices.Contains(got, tt.not) {
					t.Errorf("%s: %q: got %q, want %q and not %q", shell, tt.line, got, tt.want, tt.not)
				}
			}
		})
	}
}

// zsh completes in a terminal alone: here it says what it would give to _arguments, and complains of what it cannot read.
func TestZshCompletion(t *testing.T) {
	cmd := exec.Command(exttool.Require(t, "zsh", "zsh"), "-f", "-c",
		`compdef() { }; source $1; _arguments() { print -rl -- "$@" }; words=(steadyframe scene check --mem); CURRENT=4; _steadyframe; words=(steadyframe enc); CURRENT=2; _steadyframe`,
		"zsh", completion(t, "zsh"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"\n--memory=[Bytes that the scene may hold, such as 512MiB]:value: \n", "\n1:argument:_files\n", "\n1:command:((encode\\:\"Turn a video"} {
		if !strings.Contains("\n"+string(out), want) {
			t.Errorf("got\n%s\nwant %q", out, want)
		}
	}
}

// TestManuals lets groff read the pages, and complain.
func TestManuals(t *testing.T) {
	groff := exttool.Require(t, "groff", "groff-base")
	dir := t.TempDir()
	if err := cli.WriteManuals(dir, parser(t).Model); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("got %d pages, %v; want one of each command", len(pages), err)
	}
	cmd := exec.Command(groff, append([]string{"-man", "-ww", "-Tascii", "-P-cbou"}, pages...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, stderr.Bytes())
	}
	for _, want := range []string{"STEADYFRAME-SCENE-CHECK(1)", "--memory=SIZE", "steadyframe encode photo.png --quality 90 -o photo.jpg"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the pages do not have %q", want)
		}
	}
}

package steadyframe_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/steadyframe/steadyframe"

// tree is every package of the module, and what each may import: the figure of ARCHITECTURE.md, word for word.
//
// A line that is not indented begins a group. After the arrow stands what may be imported: packages of this module or of others
// (x/* is all below x), the name of a group for all its packages, "modules" for all of go.mod, "std" for the standard library;
// -net takes net and all below it out again. What a group may import, each of its packages may.
const tree = `
libraries                                                                             -> std -net -log -os
  pool                    memory by size class: handles, budget, floor, statistics
  pool/pooltest           a checked pool for tests: poison, no reuse, leaks           -> pool
  frame                   pixel formats, geometry, frames over borrowed memory        -> pool
  jpeg                    the baseline encoder: coding of bands, whole frames         -> frame pool internal/band kernels ground
  pipeline                Spec -> Compile -> Run: the one place that combines         -> frame jpeg pool internal/band kernels ground
  stream                  live streams: one newest picture for any number of viewers  -> pool
  internal/band           a frame as bands of samples: crop, resize, colour           -> frame kernels ground
  internal/ingest         frames out of byte streams: raw video, Y4M, JPEGs           -> frame pool internal/kernel/huff
  internal/synth          animated pictures made in code, for the demo and tests      -> frame

kernels                                                                               -> std -net -log -os ground
  internal/kernel/resample  horizontal resizing: rows of bytes to rows of int16
  internal/kernel/tensor    rows of float samples
  internal/kernel/color     R, G, B to luma and chroma and back                       -> internal/kernel/resample
  internal/kernel/blend     vertical resizing: rows to the lines of a band
  internal/kernel/dct       blocks to quantized coefficients in zig-zag order
  internal/kernel/huff      coefficients to symbols, symbols to bits
  internal/kernel/pack      lines of a band to bytes of pixels

ground                                                                                -> std -net -log -os
  internal/impl           the registry of kernel implementations
  internal/cpu            which kernels run on this processor                         -> golang.org/x/sys/cpu internal/impl
  internal/race           whether the race detector is on

service                                                                               -> std modules libraries
  api/steadyframe/v1      the .proto and what is generated from it, nothing else
  client                  the Go client                                               -> api/steadyframe/v1
  internal/server         the listeners, from start to drain                          -> api/steadyframe/v1 internal/server/*
  internal/server/config  settings: defaults, YAML, environment, flags
  internal/server/fault   why a request was not served: one kind, one code
  internal/server/metrics what is counted and timed, for Prometheus                   -> internal/server/fault
  internal/server/engine  memory, workers, turns: what both faces share               -> internal/server/config internal/server/fault internal/server/metrics
  internal/server/wire    gRPC messages read into and written from pooled memory      -> api/steadyframe/v1 internal/server/fault
  internal/server/live    live streams: sources and publishers, encoding, loss        -> internal/server/config internal/server/engine internal/server/fault internal/server/metrics internal/tail
  internal/server/taken   connections that handlers take from net/http
  internal/server/watch   live streams over HTTP: MJPEG, snapshots, WebSocket         -> internal/server/config internal/server/engine internal/server/fault internal/server/metrics internal/server/taken
  internal/server/rpc     the gRPC face                                               -> api/steadyframe/v1 internal/server/config internal/server/engine internal/server/fault internal/server/live internal/server/metrics internal/server/wire
  internal/server/web     the HTTP face                                               -> internal/console internal/server/config internal/server/engine internal/server/fault internal/server/live internal/server/metrics internal/server/taken internal/server/watch
  internal/tail           the end of what a program writes
  internal/console        the page: a wall of streams, one stream, the dashboard
  internal/server/admin   health, metrics, profiles, pools                            -> internal/server/engine internal/server/metrics
  internal/bench/meter    what a process uses, how long things take, on what machine
  internal/bench/report   pages of measurements: tables and plots                     -> internal/bench/meter
  internal/bench/pooling  what pooling is worth: ways to have buffers, side by side   -> internal/bench/meter internal/bench/report kernels ground
  internal/bench/load     a load on a server that runs, what came of it, its capacity -> api/steadyframe/v1 client internal/bench/meter internal/bench/report
  internal/cli            what the program does behind its flags                      -> api/steadyframe/v1 client internal/bench/load internal/bench/meter internal/server internal/server/config internal/tail
  cmd/steadyframe         the command line                                            -> internal/bench/* internal/cli internal/server internal/server/config ground

analysis                                                                              -> std golang.org/x/tools/*
  analysis/poolvet        the list of the passes                                      -> analysis/*
  analysis/missingput     values that some path does not put back                     -> analysis/internal/*
  analysis/useafterput    uses after a Put, and second Puts                           -> analysis/internal/*
  analysis/poolescape     pooled values that outlive their Put                        -> analysis/internal/*
  analysis/putshape       values that do not fit the pool they are put into           -> analysis/internal/*
  analysis/getreset       buffers used with the contents of their last use            -> analysis/internal/*
  analysis/internal/poolmodel   what is a pool, and what a call does to its values    -> analysis/internal/flow
  analysis/internal/flow  one value's way through a function
  cmd/poolvet             the passes as a program                                     -> analysis/poolvet

programs                                                                              -> std libraries client
  examples/encode         the libraries in a small program

tests                                                                                 -> std modules libraries kernels ground
  .                       the house rules, as tests
  e2e                     the whole program, from outside                             -> service
  internal/testkit/alloctest    what a function allocates
  internal/testkit/exttool      programs from outside: ffmpeg, djpeg
  internal/testkit/logtest      logs that are read while they are written
  internal/testkit/kerneltest   widths, alignments and red zones for kernels
  internal/testkit/oracle       slow, obvious forms of what the libraries do
`

// TestImports keeps the tree what its figure says. Architecture that is only drawn is gone within a year.
func TestImports(t *testing.T) {
	rules := parseTree(t, tree)
	seen := map[string]bool{}
	for _, s := range sources(t) {
		rule, ok := rules[s.dir]
		if !ok && !seen[s.dir] {
			t.Errorf("package %s is not in the tree of arch_test.go and ARCHITECTURE.md: say there what it may import", s.dir)
		}
		seen[s.dir] = true
		if !ok {
			continue
		}
		if s.isTest() {
			rule = rules.forTests(s.dir)
		}
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if imported != module+"/"+s.dir && !rule.allows(imported) {
				t.Errorf("%s imports %s, which the tree in arch_test.go does not let %s do", s.path, imported, s.dir)
			}
		}
	}
	for dir := range rules {
		if !seen[dir] && dir != "api/steadyframe/v1" { // generated
			t.Errorf("package %s is in the tree of arch_test.go and not in the module", dir)
		}
	}
}

// TestTreeIsTheFigure: a reader of ARCHITECTURE.md sees the rules that hold.
func TestTreeIsTheFigure(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```"+tree+"```") {
		t.Error("the tree in ARCHITECTURE.md differs from the one in arch_test.go: copy it there")
	}
}

// importRule is what a package may import: the words after its arrow and its group's, the names of groups spelled out.
type importRule []string

// allows reports whether a package under r may import the package of this path.
func (r importRule) allows(imported string) bool {
	if imported == "C" {
		return false // the default build has no cgo: it must cross-compile, and calls into C cost more than many kernels
	}
	name, ours := strings.CutPrefix(imported, module+"/")
	named := slices.ContainsFunc(r, func(word string) bool {
		below, all := strings.CutSuffix(word, "/*")
		return word == name || all && strings.HasPrefix(name, below+"/")
	})
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case ours:
		return named
	case strings.Contains(first, "."):
		return named || slices.Contains(r, "modules")
	default:
		return slices.Contains(r, "std") && !slices.ContainsFunc(r, func(word string) bool {
			banned, minus := strings.CutPrefix(word, "-")
			return minus && (imported == banned || strings.HasPrefix(imported, banned+"/"))
		})
	}
}

// importRules are the rules of a tree, by package folder.
type importRules map[string]importRule

// forTests is what the _test.go files of a package may import: what the package may, the packages that exist for tests, the
// client, and anything of the standard library and of other modules.
func (r importRules) forTests(dir string) importRule {
	rule := slices.DeleteFunc(slices.Clone(r[dir]), func(word string) bool { return word[0] == '-' })
	return append(rule, "std", "modules", "client", "internal/race", "internal/synth", "internal/testkit/*", "pool/pooltest")
}

func parseTree(t *testing.T, text string) importRules {
	t.Helper()
	rules := importRules{}
	groups := map[string]importRule{} // the packages of each group
	var group string
	var groupRule importRule
	for line := range strings.Lines(text) {
		left, right := line, ""
		if i := strings.LastIndex(line, " -> "); i >= 0 { // the last one: a description may hold arrows
			left, right = line[:i], line[i+len(" -> "):]
		}
		words := strings.Fields(left)
		switch {
		case len(words) == 0:
		case line[0] != ' ':
			if len(words) != 1 {
				t.Fatalf("the tree has a group %q: want one word", line)
			}
			group, groupRule = words[0], strings.Fields(right)
		default:
			rules[words[0]] = append(slices.Clone(groupRule), strings.Fields(right)...)
			groups[group] = append(groups[group], words[0])
		}
	}
	for dir, rule := range rules {
		for _, word := range rule {
			rules[dir] = append(rules[dir], groups[word]...)
		}
	}
	return rules
}

// TestImportRules holds the checker itself to a small tree: a rule that lets everything pass would never be noticed.
func TestImportRules(t *testing.T) {
	rules := parseTree(t, `
low                      -> std -net
  a          text        -> b
  b          x -> y      -> std
high                     -> std modules
  cmd/c      text        -> low in/*
  d                      -> example.org/m/p
lone                     -> example.org/m/*
  e          text
`)
	tests := []struct {
		dir, imported string
		want          bool
	}{
		{"a", "fmt", true},
		{"a", "net", false},
		{"a", "net/http", false},
		{"a", "netip", true},
		{"a", module + "/b", true},
		{"b", module + "/a", false},
		{"b", "example.org/m", false},
		{"b", "C", false},
		{"cmd/c", "net/http", true},
		{"cmd/c", "example.org/m", true},
		{"cmd/c", module + "/a", true},
		{"cmd/c", module + "/in/x", true},
		{"cmd/c", module + "/in", false},
		{"cmd/c", module + "/d", false},
		{"cmd/c", "C", false},
		{"d", "example.org/m/p", true},
		{"e", "example.org/m/p", true},
		{"e", "example.org/mp", false},
		{"e", "example.com/m/p", false},
	}
	for _, tt := range tests {
		if got := rules[tt.dir].allows(tt.imported); got != tt.want {
			t.Errorf("%s imports %s: got %v, want %v under %v", tt.dir, tt.imported, got, tt.want, rules[tt.dir])
		}
	}
	if rule := rules.forTests("a"); !rule.allows("net/http") || !rule.allows(module+"/internal/testkit/x") || rule.allows(module+"/d") {
		t.Errorf("tests of a: got %v, want std, modules, testkit, and not d", rule)
	}
	if rules["a"].allows(module + "/internal/testkit/x") {
		t.Errorf("a may import testkit under %v: want tests alone", rules["a"])
	}
}

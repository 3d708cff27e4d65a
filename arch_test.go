package steadyframe_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/steadyframe/steadyframe"

// figure returns the tree of ARCHITECTURE.md, which says what each package may import: the first code block that has an arrow
// "-> std". ARCHITECTURE.md explains its notation above it.
func figure(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks(string(text), "") {
		if strings.Contains(block, "-> std") {
			return block
		}
	}
	t.Fatal("ARCHITECTURE.md has no figure of the tree: want a code block without a language, with lines such as \"libraries  -> std\"")
	return ""
}

// TestImports keeps the tree what its figure says. Architecture that is only drawn is gone within a year.
func TestImports(t *testing.T) {
	rules := parseTree(t, figure(t))
	seen := map[string]bool{}
	for _, s := range sources(t) {
		rule, ok := rules[s.dir]
		if !ok && !seen[s.dir] {
			t.Errorf("package %s is not in the figure of ARCHITECTURE.md: say there what it may import", s.dir)
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
				t.Errorf("%s imports %s, which the figure of ARCHITECTURE.md does not let %s do", s.path, imported, s.dir)
			}
		}
	}
	for dir := range rules {
		if !seen[dir] && dir != "api/steadyframe/v1" { // generated
			t.Errorf("package %s is in the figure of ARCHITECTURE.md and not in the module", dir)
		}
	}
}

// TestAnalysisIsResolvable: others install poolvet with go install, which takes a module without replacements, and should
// not download the server for it.
func TestAnalysisIsResolvable(t *testing.T) {
	text, err := os.ReadFile("analysis/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && (words[0] == "replace" || words[0] == module || len(words) > 1 && words[1] == module) {
			t.Errorf("analysis/go.mod has the line %q: want no replacement, and nothing of the main module", line)
		}
	}
}

// TestDependenciesHaveReasons: every module that one of ours requires has a row in docs/adr/0011-libraries.md.
func TestDependenciesHaveReasons(t *testing.T) {
	rows, err := os.ReadFile("docs/adr/0011-libraries.md")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	check := func(name, text string) error {
		files++
		for line := range strings.Lines(text) {
			words := strings.Fields(strings.TrimPrefix(line, "require "))
			if len(words) != 2 || !strings.Contains(words[0], ".") || words[1][0] != 'v' || strings.HasPrefix(words[0], module) {
				continue // a comment "indirect" makes more than two words
			}
			if !strings.Contains(string(rows), words[0]) {
				t.Errorf("%s requires %s, which has no row in docs/adr/0011-libraries.md: say there what for", name, words[0])
			}
		}
		return nil
	}
	if err := walk("go.mod", check); err != nil {
		t.Fatal(err)
	}
	asm, err := os.ReadFile("_asm/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	check("_asm/go.mod", string(asm))
	if files < 5 {
		t.Errorf("got %d go.mod files, want at least 5", files)
	}
}

// importRule is what a package may import: the words after its arrow and its group's, the names of groups spelled out.
type importRule []string

// allows reports whether a package under r may import the package of this path.
func (r importRule) allows(imported string) bool {
	if imported == "C" { // the default build has no cgo: it must cross-compile, and calls into C cost more than many kernels
		return slices.Contains(r, "C")
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
lone                     -> example.org/m/* C
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
		{"e", "C", true},
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

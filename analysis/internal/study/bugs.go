package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A bug is one line of testdata/bugs.txt: the commit that mends it, and what its description says is wrong. Where a list was sorted by
// what poolvet's document says that it sees, out is why it does not see this one.
type bug struct {
	repository, number, commit, kind, out string
}

// parseBug returns the bug of a row of bugs.txt, and whether its list was sorted by scope.
func parseBug(row []string) (b bug, sorted bool, err error) {
	switch {
	case len(row) == 4:
		return bug{row[0], row[1], row[2], row[3], ""}, false, nil
	case len(row) == 5 && row[4] == "in":
		return bug{row[0], row[1], row[2], row[3], ""}, true, nil
	case len(row) == 6 && row[4] == "out":
		return bug{row[0], row[1], row[2], row[3], row[5]}, true, nil
	}
	return bug{}, false, fmt.Errorf("bugs.txt: got %q, want sample, repository, number, commit and kind, and then nothing, in, or out and why", row)
}

// span is lines of a file that a commit changes, in the version before it.
type span struct {
	file     string
	from, to int
}

// tells are the passes whose reports may be of a bug, by what its description says.
var tells = map[string][]string{
	"lost":     {"missingput"},
	"used":     {"useafterput", "poolescape"},
	"returned": {"useafterput", "poolescape"},
	"kept":     {"useafterput", "poolescape"},
	"boxed":    {"putshape"}, // a value that is no pointer
	"shape":    {"putshape"}, // a value of another size, or another pool's
	"reset":    {"getreset"},
	"bypassed": {"bypass"},
}

// tells reports whether a report may be of the bug.
func (b bug) tells(r report) bool {
	boxed := strings.Contains(r.message, "allocates its copy on the heap")
	return slices.Contains(tells[b.kind], r.pass) && boxed == (b.kind == "boxed")
}

// bugs analyzes the packages that each fix changes, at the version before it. A bug is found when a report of its kind is in a function
// that the fix changes. Of a list that is sorted by scope, it counts those in scope apart.
func (s *study) bugs() error {
	rows, err := s.rows("bugs.txt")
	if err != nil {
		return err
	}
	var found, made, foundIn, madeIn int
	for _, row := range rows {
		b, sorted, err := parseBug(row)
		if err != nil {
			return err
		}
		name := b.repository + "#" + b.number + "\t" + b.kind
		if b.out != "" {
			name += "\tout of scope (" + b.out + ")"
		}
		reports, err := s.bug(b)
		if err != nil {
			fmt.Printf("%s\tnot analyzed: %v\n", name, err)
			continue
		}
		made++
		inScope := sorted && b.out == ""
		if inScope {
			madeIn++
		}
		if len(reports) == 0 {
			fmt.Printf("%s\tno\n", name)
			continue
		}
		fmt.Printf("%s\tyes\n", name)
		found++
		if inScope {
			foundIn++
		}
		for _, r := range reports {
			fmt.Printf("\t%s:%d\t%s\t%s\n", r.file, r.line, r.pass, r.message)
		}
	}
	fmt.Printf("%d of %d\n", found, made)
	if madeIn > 0 {
		fmt.Printf("in scope %d of %d\n", foundIn, madeIn)
	}
	return nil
}

// bug returns the reports that are of a bug.
func (s *study) bug(b bug) ([]report, error) {
	clone := filepath.Join(s.in, strings.ReplaceAll(b.repository, "/", "+"))
	if _, err := os.Stat(filepath.Join(clone, "repo")); err == nil {
		clone = filepath.Join(clone, "repo")
	}
	diff, err := output(clone, nil, "git", "diff", "-U0", "--no-renames", b.commit+"^", b.commit, "--", "*.go")
	if err != nil {
		return nil, err
	}
	spans := changed(string(diff))
	if len(spans) == 0 {
		return nil, errors.New("the fix changes no Go file but tests")
	}
	if err := os.RemoveAll(filepath.Join(s.work, "gopath")); err != nil {
		return nil, err
	}
	tree := filepath.Join(s.work, "gopath/src/github.com", b.repository)
	if err := extract(clone, b.commit+"^", tree); err != nil {
		return nil, err
	}
	var funcs []span
	dirs := map[string]bool{}
	for _, sp := range spans {
		f, err := enclosing(filepath.Join(tree, sp.file), sp)
		if err != nil {
			return nil, err
		}
		if s.verbose {
			fmt.Printf("\tchange %s:%d-%d, functions %v\n", sp.file, sp.from, sp.to, f)
		}
		funcs = append(funcs, f...)
		dirs[filepath.Dir(sp.file)] = true
	}
	all, err := s.analyzeTree(tree, b.repository, dirs)
	if err != nil && !exists(filepath.Join(tree, "go.mod")) { // not all is vendored
		if err := os.RemoveAll(filepath.Join(tree, "vendor")); err != nil {
			return nil, err
		}
		all, err = s.analyzeTree(tree, b.repository, dirs)
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r report) bool {
		return !b.tells(r) || !slices.ContainsFunc(funcs, func(f span) bool {
			return f.file == r.file && f.from <= r.line && r.line <= f.to
		})
	}), nil
}

var hunk = regexp.MustCompile(`^@@ -(\d+)(?:,(\d+))? \+`)

// changed reads the lines of the old version that a diff without context changes, of Go files that are no tests. Where lines are
// added alone, it is the line before them.
func changed(diff string) []span {
	var spans []span
	file := ""
	for line := range strings.Lines(diff) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- a/"); ok {
			file = name
			if strings.HasSuffix(file, "_test.go") {
				file = ""
			}
		} else if strings.HasPrefix(line, "--- ") {
			file = "" // a new file
		}
		m := hunk.FindStringSubmatch(line)
		if m == nil || file == "" {
			continue
		}
		from, _ := strconv.Atoi(m[1])
		n, err := strconv.Atoi(cmp.Or(m[2], "1"))
		if err != nil {
			continue
		}
		spans = append(spans, span{file, from, from + max(n, 1) - 1})
	}
	return spans
}

// extract writes the files of a commit into a new folder. Files that a clone lacks are left out.
func extract(clone, commit, into string) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	env := []string{"GIT_INDEX_FILE=" + into + ".index"}
	defer os.Remove(into + ".index")
	if _, err := output(clone, env, "git", "read-tree", commit); err != nil {
		return err
	}
	if _, err := output(clone, env, "git", "--work-tree="+into, "checkout-index", "-a"); err != nil && !strings.Contains(err.Error(), "unable to read") {
		return err
	}
	return nil
}

// enclosing returns the functions of a file that are in a span, each with its file named as the span does.
func enclosing(path string, sp span) ([]span, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		return nil, err
	}
	var found []span
	for _, decl := range file.Decls {
		from, to := fset.Position(decl.Pos()).Line, fset.Position(decl.End()).Line
		if _, ok := decl.(*ast.FuncDecl); ok && from <= sp.to && sp.from <= to {
			found = append(found, span{sp.file, from, to})
		}
	}
	return found, nil
}

// analyzeTree runs poolvet on folders of a tree, each in the module that it is in. Where it is in none, the tree's own vendored packages are
// taken, or it makes a module.
func (s *study) analyzeTree(tree, repository string, dirs map[string]bool) ([]report, error) {
	modules := map[string][]string{} // the packages by the module's folder
	for dir := range dirs {
		root := dir
		for root != "." && !exists(filepath.Join(tree, root, "go.mod")) {
			root = filepath.Dir(root)
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return nil, err
		}
		modules[root] = append(modules[root], "./"+rel)
	}
	var all []report
	var failed error
	for root, packages := range modules {
		at := filepath.Join(tree, root)
		env := []string{"GOFLAGS=-mod=mod", "GOWORK=off"}
		switch {
		case exists(filepath.Join(at, "go.mod")):
		case exists(filepath.Join(at, "vendor")):
			env = []string{"GO111MODULE=off", "GOPATH=" + filepath.Join(s.work, "gopath"), "GOFLAGS="}
		default:
			if err := os.WriteFile(filepath.Join(at, "go.mod"), []byte("module github.com/"+repository+"\n\ngo 1.16\n"), 0o644); err != nil {
				return nil, err
			}
			if _, err := output(at, env, "go", "mod", "tidy", "-e"); err != nil {
				return nil, err
			}
		}
		out, err := output(at, env, s.tool, append([]string{"-format", "json"}, packages...)...)
		if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) {
			failed = err
		}
		var found struct {
			Issues []struct {
				Pass, Kind, File, Message string
				Line                      int
			}
		}
		if err := json.Unmarshal(out, &found); err != nil {
			return nil, errors.Join(failed, err)
		}
		for _, i := range found.Issues {
			if !filepath.IsAbs(i.File) {
				i.File = filepath.Join(at, i.File)
			}
			rel, err := filepath.Rel(tree, i.File)
			if err != nil {
				return nil, err
			}
			all = append(all, report{i.Pass, i.Kind, rel, i.Message, i.Line})
		}
	}
	return all, failed
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

package steadyframe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
)

// source is one Go file of the repository, parsed.
type source struct {
	path string // slash-separated, from the root
	dir  string // "." for the root
	file *ast.File
	text string
}

func (s source) isTest() bool      { return strings.HasSuffix(s.path, "_test.go") }
func (s source) isGenerated() bool { return ast.IsGenerated(s.file) }

// fset holds the positions of all sources.
var fset = token.NewFileSet()

// parseAll parses every Go file of the repository, whatever its build tags: a rule holds on every platform.
var parseAll = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := walk(".go", func(name, text string) error {
		f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		all = append(all, source{path: name, dir: path.Dir(name), file: f, text: text})
		return err
	})
	return all, err
})

// walk calls f with the path and the text of every file whose name ends in suffix, those of nested modules too: the rules hold
// for all of them. It leaves out hidden folders, generators of assembly (_asm), test data and build output.
func walk(suffix string, f func(name, text string) error) error {
	root := os.DirFS(".")
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if base[0] == '.' || base[0] == '_' || base == "testdata" || name == "bin" || name == "out" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, suffix) {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return f(name, string(text))
	})
}

// sources returns every Go file of the repository that someone wrote: not what a generator did.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parseAll()
	if err != nil {
		t.Fatal(err)
	}
	var written []source
	for _, s := range all {
		if !s.isGenerated() {
			written = append(written, s)
		}
	}
	if len(written) == 0 {
		t.Fatal("no Go files found: the tests must run in the module's root")
	}
	return written
}

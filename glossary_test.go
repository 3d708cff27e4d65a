package steadyframe_test

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestGlossary: words that CONTRIBUTING.md's glossary replaces stay away from comments, names and documents. It looks for
// those that the glossary has in code type; of the others a program cannot tell which are wrong.
func TestGlossary(t *testing.T) {
	docs := documents(t)
	replaced := replacedWords(docs["CONTRIBUTING.md"])
	if replaced == nil {
		t.Fatal("CONTRIBUTING.md has no glossary, or no words in code type in it")
	}
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if word := replaced.FindString(c.Text); word != "" {
					t.Errorf("%s: %q: see the glossary of CONTRIBUTING.md", fset.Position(c.Pos()), word)
				}
			}
		}
		for _, name := range declared(s.file) {
			if word := replaced.FindString(words(name.Name)); word != "" {
				t.Errorf("%s: %s has %q in its name: see the glossary of CONTRIBUTING.md", fset.Position(name.Pos()), name.Name, word)
			}
		}
	}
	for name, text := range docs {
		if name == "CONTRIBUTING.md" || name == "CHANGELOG.md" { // the glossary itself, and what names were
			continue
		}
		if word := replaced.FindString(withoutCode(text)); word != "" {
			t.Errorf("%s: %q: see the glossary of CONTRIBUTING.md", name, word)
		}
	}
}

// replacedWords returns a pattern for the words in code type in the second column of the glossary, nil for none. It ignores
// capitals: the gRPC API has messages called Picture.
func replacedWords(contributing string) *regexp.Regexp {
	_, table, _ := strings.Cut(contributing, "| write | not | meaning |\n")
	var patterns []string
	for line := range strings.Lines(table) {
		columns := strings.Split(line, "|")
		if len(columns) < 4 {
			break
		}
		for _, word := range codeSpan.FindAllString(columns[2], -1) {
			patterns = append(patterns, strings.ReplaceAll(regexp.QuoteMeta(strings.Trim(word, "`")), " ", `\s+(?://\s*)?`))
		}
	}
	if patterns == nil {
		return nil
	}
	return regexp.MustCompile(`\b(` + strings.Join(patterns, "|") + `)s?\b`)
}

// declared returns the names that a file declares, at the top and inside functions.
func declared(file *ast.File) []*ast.Ident {
	var names []*ast.Ident
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok {
					names = append(names, id)
				}
			}
		}
		return true
	})
	return names
}

// words returns the words of a name in lower case: "newest live image" for newestLiveImage.
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// TestGlossarySees holds the pattern and the names to samples.
func TestGlossarySees(t *testing.T) {
	replaced := replacedWords("| write | not | meaning |\n|---|---|---|\n| image | `image of old`, paper | x |\n| y | `photo` | z |\n\n| a | `b` | c |\n")
	for text, want := range map[string]bool{
		"a photo": true, "photos": true, "image of\n// old": true, "image of new": false, "paper": false, "photo_bytes": false, "Photo": false, "b": false,
		words("newPhotos"): true, words("Photograph"): false,
	} {
		if got := replaced.MatchString(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

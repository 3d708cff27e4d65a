package steadyframe_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents returns the text of every Markdown file of the repository, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	err := walk(".md", func(name, text string) error {
		docs[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if docs["README.md"] == "" {
		t.Fatal("no README.md found: the tests must run in the module's root")
	}
	return docs
}

// TestLinksResolve: of each relative link the file is there, and of each #anchor the heading.
func TestLinksResolve(t *testing.T) {
	docs := documents(t)
	for name, text := range docs {
		for _, m := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
				if _, err := fs.Stat(os.DirFS("."), file); err != nil {
					t.Errorf("%s links to %s: %v", name, m[1], err)
					continue
				}
			}
			if anchor != "" && !slices.Contains(anchors(docs[file]), anchor) {
				t.Errorf("%s links to %s: %s has no such heading", name, m[1], file)
			}
		}
	}
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	notSlug   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// withoutCode returns Markdown text without its code blocks and code spans.
func withoutCode(text string) string {
	return codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
}

// anchors returns the names that links reach the headings of text by, as GitHub makes them.
func anchors(text string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(slug, " ", "-"))
	}
	return names
}

// TestDecisionRecords: each has the five parts that make it worth reading years later, and a line in the index.
func TestDecisionRecords(t *testing.T) {
	docs := documents(t)
	index := docs["docs/adr/README.md"]
	numbers := map[string]string{}
	for name, text := range docs {
		m := adrName.FindStringSubmatch(name)
		if m == nil {
			if path.Dir(name) == "docs/adr" && name != "docs/adr/README.md" {
				t.Errorf("%s: want a name as docs/adr/0001-memory-pooling.md", name)
			}
			continue
		}
		if other := numbers[m[1]]; other != "" {
			t.Errorf("%s and %s have the same number", name, other)
		}
		numbers[m[1]] = name
		for _, part := range []string{"Context", "Decision", "Consequences", "Evidence", "Revisit when"} {
			if !strings.Contains(text, "\n## "+part) {
				t.Errorf("%s has no part %q", name, part)
			}
		}
		if !strings.Contains(index, "("+path.Base(name)+")") {
			t.Errorf("docs/adr/README.md does not list %s", path.Base(name))
		}
	}
	if len(numbers) == 0 {
		t.Error("no decision records in docs/adr")
	}
}

var adrName = regexp.MustCompile(`^docs/adr/(\d{4})-[a-z0-9-]+\.md$`)

// TestSnippetsAreExamples: the Go code that a reader of README.md or docs/go.md copies compiles and runs, since it is, line for
// line, in example_test.go, or, where it needs a server and only compiles, in that of package client.
func TestSnippetsAreExamples(t *testing.T) {
	examples := ""
	for _, name := range []string{"example_test.go", "client/example_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		examples += unindented(string(text))
	}
	docs := documents(t)
	snippets := blocks(docs["docs/go.md"], "go")
	if len(snippets) == 0 {
		t.Fatal("docs/go.md has no Go snippet")
	}
	for _, snippet := range append(snippets, blocks(docs["README.md"], "go")...) {
		if !strings.Contains(examples, unindented(snippet)) {
			t.Errorf("this snippet is in no example_test.go:\n%s", snippet)
		}
	}
}

// blocks returns the code blocks of Markdown text that are marked as being in language.
func blocks(text, language string) []string {
	var found []string
	for _, block := range codeBlock.FindAllString(text, -1) {
		if body, ok := strings.CutPrefix(block, "```"+language+"\n"); ok {
			found = append(found, strings.TrimSuffix(body, "```"))
		}
	}
	return found
}

// unindented returns text without the white space that its lines begin with.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, " \t"))
	}
	return b.String()
}

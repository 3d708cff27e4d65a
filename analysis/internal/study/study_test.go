package main

import (
	"regexp"
	"slices"
	"testing"
)

func TestApply(t *testing.T) {
	got := string(apply([]byte("a(); b(); c()"), []edit{{10, 13, "x"}, {0, 4, ""}}))
	if want := " b(); x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChanged(t *testing.T) {
	const diff = `diff --git a/p/a.go b/p/a.go
--- a/p/a.go
+++ b/p/a.go
@@ -3 +3,2 @@ func f() {
@@ -10,0 +12,4 @@
@@ -20,3 +25 @@
--- /dev/null
+++ b/p/b.go
@@ -0,0 +1,4 @@
--- a/p/a_test.go
+++ b/p/a_test.go
@@ -1 +1 @@
`
	got := changed(diff)
	if want := []span{{"p/a.go", 3, 3}, {"p/a.go", 10, 10}, {"p/a.go", 20, 22}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLists: each line of the lists is of a sample, and each word of bugs.txt has passes that tell of it.
func TestLists(t *testing.T) {
	t.Chdir("../..")
	for _, name := range []string{"bugs.txt", "modules.txt"} {
		samples := []string{"development", "kept", "kept-2", "kept-3", "kept-4", "kept-5"}
		if name == "modules.txt" {
			samples = append(samples, "development-3", "development-4")
		}
		for _, sample := range samples {
			s := study{samples: []string{sample}, only: regexp.MustCompile("")}
			rows, err := s.rows(name)
			if err != nil || len(rows) < 10 {
				t.Errorf("%s, %s: got %d lines, %v", name, sample, len(rows), err)
			}
			for _, row := range rows {
				b, sorted, err := parseBug(row)
				if name == "bugs.txt" && (err != nil || tells[b.kind] == nil || sorted != slices.Contains(samples[3:6], sample)) || name == "modules.txt" && len(row) != 3 {
					t.Errorf("%s: got the line %q", name, row)
				}
			}
		}
	}
}

// TestJudged: each judgement has all fields, and is of a module of its sample.
func TestJudged(t *testing.T) {
	t.Chdir("../..")
	s := study{samples: []string{"development", "kept", "kept-2", "development-3", "kept-3", "development-4", "kept-4", "kept-5"}, only: regexp.MustCompile("")}
	all, err := s.judgements()
	if err != nil || len(all) == 0 {
		t.Fatalf("got %d judgements, %v", len(all), err)
	}
	rows, err := s.rows("modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range all {
		if j.because == "" || !slices.ContainsFunc(rows, func(row []string) bool { return row[0] == j.module }) {
			t.Errorf("got %+v, want a module of modules.txt and a reason", j)
		}
	}
}

// TestPrecision: one cause of many reports counts once in its module, and a module as one, however many it has.
func TestPrecision(t *testing.T) {
	var all []judgement
	add := func(module, verdict, cause string, n int) {
		for range n {
			all = append(all, judgement{module: module, verdict: verdict, cause: cause})
		}
	}
	add("a", "false", "generated", 8)
	add("a", "true", "lost", 1)
	add("b", "true", "lost", 1)
	add("c", "true", "boxed", 1)
	add("c", "unsure", "boxed", 1)
	p := precisionOf(all)
	if (p.reports != share{3, 12}) || (p.causes != share{2, 4}) || len(p.modules) != 3 || (*p.modules["a"] != share{1, 9}) {
		t.Errorf("got %+v", p)
	}
	if want := (1.0/9 + 1 + 1.0/2) / 3; p.mean < want-1e-9 || p.mean > want+1e-9 {
		t.Errorf("got a mean of %v, want %v", p.mean, want)
	}
}

func TestRepository(t *testing.T) {
	for module, want := range map[string]string{
		"github.com/cockroachdb/pebble/v2": "cockroachdb/pebble", "gopkg.in/DataDog/dd-trace-go.v1": "DataDog/dd-trace-go",
		"go.opentelemetry.io/otel": "go.opentelemetry.io/otel", "vitess.io/vitess": "vitess.io/vitess",
		"github.com/apache/arrow-go/v18/arrow/x": "apache/arrow-go",
	} {
		if got := repository(module); got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
}

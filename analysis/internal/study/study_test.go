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

// TestLists: each line of the lists is of a half, and each word of bugs.txt has passes that tell of it.
func TestLists(t *testing.T) {
	t.Chdir("../..")
	for name, fields := range map[string]int{"bugs.txt": 4, "modules.txt": 2} {
		for _, half := range []string{"development", "kept"} {
			s := study{half: half, only: regexp.MustCompile("")}
			rows, err := s.rows(name)
			if err != nil || len(rows) < 10 {
				t.Errorf("%s, %s: got %d lines, %v", name, half, len(rows), err)
			}
			for _, row := range rows {
				if len(row) != fields || name == "bugs.txt" && tells[row[3]] == nil {
					t.Errorf("%s: got the line %q", name, row)
				}
			}
		}
	}
}

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// texts are those of this module that name what was seen before: a repository that one of them has is left out of a new sample.
var texts = []string{
	"../docs/poolvet.md", "internal/poolmodel/apis.go", "internal/study/testdata/bugs.txt", "internal/study/testdata/bugs.md",
	"internal/study/testdata/modules.txt", "internal/study/testdata/modules.md",
}

// list writes the modules that a new sample has of a program: the program itself, and those with a package that names sync.Pool and that it
// builds, but those seen before: of a repository that the texts or the file of what was seen name. Each has the hash by which the modules of all programs are ordered.
func (s *study) list(patterns []string) error {
	named := ""
	for _, name := range append(slices.Clone(texts), s.seen) {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		named += string(text)
	}
	all, err := s.goList(patterns)
	if err != nil {
		return err
	}
	versions, packages := map[string]string{}, map[string]int{}
	for _, p := range all {
		if p.Module == nil || !s.only.MatchString(p.Module.Path) || !p.namesPool() ||
			!p.Module.Main && strings.Contains(named, repository(p.Module.Path)) {
			continue
		}
		versions[p.Module.Path] = cmp.Or(p.Module.Version, "main")
		packages[p.Module.Path]++
	}
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		fmt.Printf("%s\t%s %s %s\t%d\n", hash(s.seed + " " + path)[:16], path, versions[path], filepath.Base(s.in), packages[path])
	}
	return nil
}

var majorVersion = regexp.MustCompile(`[./]v[0-9]+$`)

// repository returns OWNER/NAME of a module, without the host and what follows: where the path has less, all of it.
func repository(module string) string {
	module = majorVersion.ReplaceAllString(module, "")
	parts := strings.Split(module, "/")
	if len(parts) < 3 {
		return module
	}
	return strings.Join(parts[1:3], "/")
}

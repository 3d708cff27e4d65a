package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestPage: docs/recipes.md has the table that the program prints.
func TestPage(t *testing.T) {
	var table bytes.Buffer
	if err := write(&table); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/recipes.md does not have the table of go run ./examples/quality:\n%s", table.Bytes())
	}
}

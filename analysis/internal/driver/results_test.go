package driver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vetOutput is what go vet -json writes for two packages, one of them twice: with its test.
const vetOutput = `# example.org/m/user
{}
{
	"example.org/m/user": {
		"useafterput": [
			{
				"posn": "/m/user/user.go:8:15",
				"end": "/m/user/user.go:8:18",
				"message": "use of a value",
				"suggested_fixes": [{"message": "do", "edits": [{"filename": "/m/user/user.go", "start": 3, "end": 4, "new": "x"}]}],
				"related": [{"posn": "/m/user/user.go:7:17", "end": "-", "message": "put back here"}]
			}
		],
		"toolarge": [{"posn": "C:\\m\\user.go:1:2", "message": "F is left out"}]
	}
}
{
	"example.org/m/user [example.org/m/user.test]": {
		"useafterput": [{"posn": "/m/user/user.go:8:15", "end": "/m/user/user.go:8:18", "message": "use of a value"}],
		"getreset": {"error": "it failed"}
	}
}
broken.go:2:23: does not compile
`

func TestRead(t *testing.T) {
	var r results
	rest, err := r.read([]byte(vetOutput))
	if err != nil {
		t.Fatal(err)
	}
	r.sort()
	if want := "# example.org/m/user\nbroken.go:2:23: does not compile\n"; string(rest) != want {
		t.Errorf("got the rest %q, want %q", rest, want)
	}
	if len(r.issues) != 1 || len(r.notes) != 1 || len(r.problems) != 1 || r.problems[0] != "example.org/m/user: getreset: it failed" {
		t.Fatalf("got %+v, want one issue, one note, one problem", r)
	}
	i := r.issues[0]
	if i.place != (place{"/m/user/user.go", 8, 15, 8, 18}) || i.Pass != "useafterput" || i.Package != "example.org/m/user" {
		t.Errorf("got %+v", i)
	}
	if n := r.notes[0]; n.place != (place{`C:\m\user.go`, 1, 2, 1, 2}) {
		t.Errorf("got the note %+v", n)
	}
}

func TestReadErrors(t *testing.T) {
	for _, text := range []string{
		"{\n\"p\": {\n", "{\nx\n}\n", "{\n\"p\": {\"a\": 3}\n}\n", "{\n\"p\": {\"a\": [{\"posn\": \"x\"}]}\n}\n",
		"{\n\"p\": {\"a\": [{\"posn\": \"x:0:1\"}]}\n}\n", "{\n\"p\": {\"a\": [{\"posn\": \"x:1:1\", \"related\": [{\"posn\": \"1\"}]}]}\n}\n",
	} {
		if _, err := new(results).read([]byte(text)); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

// FuzzRead: whatever go vet writes, each of its lines is in an object that was read, or in the rest.
func FuzzRead(f *testing.F) {
	f.Add(vetOutput)
	f.Fuzz(func(t *testing.T, text string) {
		var r results
		rest, err := r.read([]byte(text))
		if err != nil {
			return
		}
		if !strings.Contains(text, "{") && string(rest) != text {
			t.Errorf("got the rest %q of %q", rest, text)
		}
		r.sort()
		for _, i := range r.issues {
			if i.Line < 1 || i.Column < 1 {
				t.Errorf("got %+v", i)
			}
		}
	})
}

func TestTakeFormat(t *testing.T) {
	tests := []struct {
		args, format, rest string
	}{
		{"./...", "text", "./..."},
		{"-json -putshape.bound ./...", "json", "-putshape.bound ./..."},
		{"-format sarif -tags x ./a ./b", "sarif", "-tags x ./a ./b"},
		{"--format=json .", "json", "."},
	}
	for _, tt := range tests {
		format, rest, err := takeFormat(strings.Fields(tt.args))
		if err != nil || format != tt.format || strings.Join(rest, " ") != tt.rest {
			t.Errorf("%s: got %q, %q, %v", tt.args, format, rest, err)
		}
	}
}

// TestColumns: columns in SARIF count UTF-16, and places that are not in the file stay as they are.
func TestColumns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.go")
	if err := os.WriteFile(file, []byte("é𝄞x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := columns{}
	for column, want := range map[int]int{1: 1, 3: 2, 7: 4, 8: 5, 99: 99} {
		if got := c.utf16(file, 1, column); got != want {
			t.Errorf("column %d: got %d, want %d", column, got, want)
		}
	}
	if got := c.utf16(file+"x", 7, 5); got != 5 {
		t.Errorf("of a missing file: got %d, want 5", got)
	}
	var out strings.Builder
	if err := writeSARIF(&out, nil, &results{failed: true, problems: []string{"p"}, notes: []issue{{Message: "n", place: place{file, 1, 1, 1, 1}}}}, nil); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(out.String()), &log); err != nil {
		t.Fatal(err)
	}
	if i := log.Runs[0].Invocations[0]; i.Successful || len(i.Notifications) != 2 || log.Runs[0].Results == nil {
		t.Errorf("got %s", out.String())
	}
}

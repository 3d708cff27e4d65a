package config

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestOpenSecrets: files with secrets are found where everybody may read them, and not where a group may.
func TestOpenSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	settings, plain, keys, key := file("settings"), file("plain"), file("keys"), file("key")
	for path, text := range map[string]string{settings: "auth: {token: secret}\n", plain: "log: {level: warn}\n", keys: "", key: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := Default()
	c.Auth.LinkKeys, c.TLS.Key, c.TLS.Cert, c.Auth.TokensFile = keys, key, plain, plain
	for _, tt := range []struct {
		mode os.FileMode
		file string
		want []string
	}{
		{0o600, settings, nil},
		{0o640, settings, nil},
		{0o644, settings, []string{"settings", "auth.link_keys", "tls.key"}},
		{0o604, settings, []string{"settings", "auth.link_keys", "tls.key"}},
		{0o644, plain, []string{"auth.link_keys", "tls.key"}},
		{0o644, "", []string{"auth.link_keys", "tls.key"}},
	} {
		for _, path := range []string{settings, plain, keys, key} {
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, s := range OpenSecrets(c, tt.file) {
			got = append(got, s.Setting)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("mode %v, settings of %q: got %v, want %v", tt.mode, tt.file, got, tt.want)
		}
	}
	if got := OpenSecrets(Config{Auth: Auth{LinkKeys: file("none")}}, ""); got != nil {
		t.Errorf("a file that is not there: got %v", got)
	}
}

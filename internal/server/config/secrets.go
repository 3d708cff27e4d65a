package config

import (
	"fmt"
	"os"
	"runtime"
)

// OpenSecret is a file with secrets that everybody on the machine may read.
type OpenSecret struct {
	Setting string // that names it; settings for the file of the settings
	File    string
	Has     string // keys, or a token
}

// Text says what is wrong.
func (s OpenSecret) Text() string {
	return fmt.Sprintf("%s has %s, and everybody on this machine may read it", s.File, s.Has)
}

// Advice is the command that mends it.
func (s OpenSecret) Advice() string { return "chmod o-rwx " + s.File }

// OpenSecrets returns the files with secrets of the settings c that everybody on the machine may read. file is that of the settings, empty
// for none. Files of tokens are none: tokens are there as hashes alone. A group may read any: that is how a server that is not their owner does.
func OpenSecrets(c Config, file string) (open []OpenSecret) {
	look := func(s OpenSecret) {
		if info, err := os.Stat(s.File); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
			open = append(open, s)
		}
	}
	if file != "" {
		own, err := Load(LoadOptions{File: file, Environ: []string{"STEADYFRAME_AUTH_INSECURE=true"}})
		if err == nil && (own.Auth.Token != "" || own.Cluster.Token != "") {
			look(OpenSecret{"settings", file, "a token"})
		}
	}
	for _, s := range []OpenSecret{{"auth.link_keys", c.Auth.LinkKeys, "keys"}, {"tls.key", c.TLS.Key, "a key"}} {
		if s.File != "" {
			look(s)
		}
	}
	return open
}

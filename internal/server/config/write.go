package config

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// shown returns c without secrets.
func (c Config) shown() Config {
	if c.Auth.Token != "" {
		c.Auth.Token = tokenSet
	}
	c.Streams, c.Cluster = c.Streams.shown(), c.Cluster.shown()
	return c
}

// WriteYAML writes every setting of c, and of a stream those that are set, as a YAML document that Load reads again.
// It writes no secrets: "(set)" for a token, and xxxxx for the password in the URL of a source or of NATS. Load accepts neither.
func (c Config) WriteYAML(w io.Writer) error {
	c = c.shown()
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return err
	}
	return enc.Close()
}

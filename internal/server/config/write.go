package config

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// WriteYAML writes every setting of c, and of a stream those that are set, as a YAML document that Load reads again.
// The secrets it does not tell: it writes "(set)" for a token, and xxxxx for the password in the URL of a source,
// neither of which Load takes.
func (c Config) WriteYAML(w io.Writer) error {
	if c.Auth.Token != "" {
		c.Auth.Token = tokenSet
	}
	c.Streams = c.Streams.shown()
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return err
	}
	return enc.Close()
}

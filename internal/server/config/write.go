package config

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// WriteYAML writes every setting of c as a YAML document that Load reads again, except for the token, which it does not
// tell: it writes "(set)" for one that is set.
func (c Config) WriteYAML(w io.Writer) error {
	if c.Auth.Token != "" {
		c.Auth.Token = tokenSet
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return err
	}
	return enc.Close()
}

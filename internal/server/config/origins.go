package config

import (
	"fmt"
	"net/url"
	"strings"
)

// Origins are origins of web pages, as browsers send them: scheme://host or scheme://host:port, or * for all. Their text is a
// list with commas.
type Origins []string

// String returns the text of o.
func (o Origins) String() string { return strings.Join(o, ",") }

// MarshalText returns the text of o.
func (o Origins) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText sets o to what text says.
func (o *Origins) UnmarshalText(text []byte) error {
	var list Origins
	for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		origin, err := parseOrigin(part)
		if err != nil {
			return err
		}
		list = append(list, origin)
	}
	*o = list
	return nil
}

// parseOrigin returns an origin in the spelling of browsers: in lower case, without the port that the scheme has anyway.
func parseOrigin(text string) (string, error) {
	if text == "*" {
		return text, nil
	}
	u, err := url.Parse(strings.ToLower(text))
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("got %q, want origins such as https://example.com, separated by commas, or *", text)
	}
	host := u.Host
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host, nil
}

package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// Hosts are names of this server in the URLs of its clients, without ports, or * for all. Their text is a list with commas.
type Hosts []string

// String returns the text of h.
func (h Hosts) String() string { return strings.Join(h, ",") }

// MarshalText returns the text of h.
func (h Hosts) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText sets h to what text says.
func (h *Hosts) UnmarshalText(text []byte) error {
	var list Hosts
	for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		name := strings.TrimSuffix(strings.ToLower(part), ".")
		if name != "*" && !isHostName(name) {
			return fmt.Errorf("got %q, want names such as frames.example, without scheme and port, separated by commas, or *", part)
		}
		list = append(list, name)
	}
	*h = list
	return nil
}

// isHostName reports whether name can be that of a host: labels with dots between them. Addresses are allowed anyway.
func isHostName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return isLabels(name)
}

// isLabels reports whether name has labels of a-z 0-9 - _ with dots between them.
func isLabels(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

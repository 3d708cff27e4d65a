package config

import (
	"fmt"
	"strconv"
	"strings"
)

// UIDs are ids of users of this machine. Their text is a list with commas.
type UIDs []int

// String returns the text of u.
func (u UIDs) String() string {
	list := make([]string, len(u))
	for i, id := range u {
		list[i] = strconv.Itoa(id)
	}
	return strings.Join(list, ",")
}

// MarshalText returns the text of u.
func (u UIDs) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText sets u to what text says.
func (u *UIDs) UnmarshalText(text []byte) error {
	var list UIDs
	for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		id, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return fmt.Errorf("got %q, want ids of users such as 1000, separated by commas", part)
		}
		list = append(list, int(id))
	}
	*u = list
	return nil
}

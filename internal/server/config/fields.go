package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one setting of a Config: a leaf of the struct.
type field struct {
	key   string // dotted
	doc   string
	value reflect.Value
}

// fields returns the settings of c, in the order of the struct. Setting their values sets c's.
func fields(c *Config) []field {
	return appendFields(nil, "", reflect.ValueOf(c).Elem())
}

func appendFields(fs []field, prefix string, v reflect.Value) []field {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key := prefix + sf.Tag.Get("yaml")
		if sf.Type.Kind() == reflect.Struct {
			fs = appendFields(fs, key+".", v.Field(i))
			continue
		}
		fs = append(fs, field{key: key, doc: sf.Tag.Get("doc"), value: v.Field(i)})
	}
	return fs
}

// set sets f to what text says.
func (f field) set(text string) error {
	if u, ok := f.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if f.value.Kind() == reflect.String {
		f.value.SetString(text)
		return nil
	}
	n, err := strconv.Atoi(text) // Every other setting is an int; a test keeps that so.
	if err != nil {
		return fmt.Errorf("got %q, want a whole number", text)
	}
	f.value.SetInt(int64(n))
	return nil
}

// text returns what set would set f to again.
func (f field) text() string { return fmt.Sprint(f.value.Interface()) }

// find returns the setting of that key, or an *UnknownKeyError from where it was found.
func find(fs []field, key, from string) (field, error) {
	if i := slices.IndexFunc(fs, func(f field) bool { return f.key == key }); i >= 0 {
		return fs[i], nil
	}
	return field{}, &UnknownKeyError{Key: key, From: from, Nearest: nearest(key, fs)}
}

// Setting is one setting as text, for those who list them.
type Setting struct{ Key, Env, Doc, Value string }

// Settings returns all settings of c in their order. The token reads "(set)".
func (c Config) Settings() []Setting {
	var out []Setting
	for _, f := range fields(&c) {
		s := Setting{Key: f.key, Env: envName(f.key), Doc: f.doc, Value: f.text()}
		if f.key == "auth.token" && s.Value != "" {
			s.Value = tokenSet
		}
		out = append(out, s)
	}
	return out
}

// tokenSet stands for the token wherever settings are shown.
const tokenSet = "(set)"

// envName returns the environment's name of a setting.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field is one setting of a Config: a leaf of the struct.
type field struct {
	key   string // dotted
	was   string // the key that it had before, "" for none
	doc   string
	want  string // which values are valid, for display; "" where that is obvious
	value reflect.Value
}

// fields returns the settings of c but for its streams, in the order of the struct. Setting their values sets c's.
func fields(c *Config) []field {
	return appendFields(nil, "", reflect.ValueOf(c).Elem())
}

func appendFields(fs []field, prefix string, v reflect.Value) []field {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		key := prefix + name
		_, leaf := v.Field(i).Addr().Interface().(encoding.TextUnmarshaler)
		switch kind := sf.Type.Kind(); {
		case kind == reflect.Map: // the streams, which come and go
		case kind == reflect.Struct && !leaf:
			fs = appendFields(fs, key+".", v.Field(i))
		default:
			fs = append(fs, field{key: key, was: sf.Tag.Get("was"), doc: sf.Tag.Get("doc"), want: want(sf), value: v.Field(i)})
		}
	}
	return fs
}

// want returns which values of a setting are valid.
func want(sf reflect.StructField) string {
	if sf.Type == reflect.TypeFor[Duration]() {
		return leastDuration.String() + " to 24h"
	}
	return sf.Tag.Get("bounds")
}

// bounds returns the least and the largest valid value of a setting that is a count: "1..64", "1 or more".
func (f field) bounds() (least, largest int, ok bool) {
	if f.value.Kind() != reflect.Int || f.want == "" {
		return 0, 0, false
	}
	if text, found := strings.CutSuffix(f.want, " or more"); found {
		least, err := strconv.Atoi(text)
		return least, most, err == nil
	}
	from, to, _ := strings.Cut(f.want, "..")
	least, err := strconv.Atoi(from)
	if err != nil {
		return 0, 0, false
	}
	largest, err = strconv.Atoi(to)
	return least, largest, err == nil
}

// set sets f from its text.
func (f field) set(text string) error {
	if u, ok := f.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch f.value.Kind() {
	case reflect.String:
		f.value.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("got %q, want true or false", text)
		}
		f.value.SetBool(text == "true")
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("got %q, want a number", text)
		}
		f.value.SetFloat(n)
	default: // Every other setting is an int; a test keeps that so.
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("got %q, want a whole number", text)
		}
		f.value.SetInt(int64(n))
	}
	return nil
}

// text returns what set would set f to again.
func (f field) text() string { return fmt.Sprint(f.value.Interface()) }

// Setting is one setting as text, for lists of them.
type Setting struct{ Key, Env, Doc, Want, Value string }

// Settings returns all settings of c in their order. Tokens read "(set)", the passwords of URLs xxxxx.
func (c Config) Settings() []Setting {
	c = c.shown()
	var out []Setting
	for _, f := range newTarget(&c).all() {
		out = append(out, Setting{Key: f.key, Env: envName(f.key), Doc: f.doc, Want: f.want, Value: f.text()})
	}
	return out
}

// tokenSet stands for the token where settings are shown.
const tokenSet = "(set)"

// envName returns the name of the environment variable of a setting.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// target is a Config that is being set, and its settings by name. The first mention of a setting of a stream makes the
// stream, and that of a scene the scene; keepNamed puts both into the Config.
type target struct {
	config  *Config
	fields  []field // of all but the streams and scenes
	streams map[string]*Stream
	scenes  map[string]*string
	renamed func(Renamed) // called for each setting under an old name; may be nil
}

// Renamed is a setting that was given under the name that it had before.
type Renamed struct{ Old, New, From string }

func newTarget(c *Config) *target {
	t := &target{config: c, fields: fields(c), streams: map[string]*Stream{}, scenes: map[string]*string{}}
	for name, s := range c.Streams {
		t.streams[name] = &s
	}
	for name, dir := range c.Scenes {
		t.scenes[name] = &dir
	}
	return t
}

// finish returns the Config as it was set, and an error if it is not valid.
func (t *target) finish() (Config, error) {
	t.keepNamed()
	t.fitFloor()
	return *t.config, t.config.Validate()
}

// fitFloor makes the default floor the same part of a smaller budget as it is of the default one, where it would be above
// that.
func (t *target) fitFloor() {
	l, usual := &t.config.Limits, Default().Limits
	if l.MemoryFloor == usual.MemoryFloor && l.MemoryFloor > l.MemoryBudget {
		l.MemoryFloor = l.MemoryBudget / (usual.MemoryBudget / usual.MemoryFloor)
	}
}

// keepNamed makes the streams and scenes that were set those of the Config.
func (t *target) keepNamed() {
	if len(t.streams) > 0 {
		t.config.Streams = Streams{}
	}
	for name, s := range t.streams {
		t.config.Streams[name] = *s
	}
	if len(t.scenes) > 0 {
		t.config.Scenes = Scenes{}
	}
	for name, dir := range t.scenes {
		t.config.Scenes[name] = *dir
	}
}

// all returns the settings, with those of the streams and then of the scenes, in the order of their names, at the end.
func (t *target) all() []field {
	all := slices.Clone(t.fields)
	for _, name := range slices.Sorted(maps.Keys(t.streams)) {
		all = append(all, t.streamFields(name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(t.scenes)) {
		all = append(all, t.sceneField(name))
	}
	return all
}

// scenesPrefix begins the key of a scene: scenes.NAME.
const scenesPrefix = "scenes."

// sceneField returns the setting of the scene called name, which it makes when there is none.
func (t *target) sceneField(name string) field {
	dir := t.scenes[name]
	if dir == nil {
		dir = new(string)
		t.scenes[name] = dir
	}
	return field{key: scenesPrefix + name, doc: sceneDoc, value: reflect.ValueOf(dir).Elem()}
}

// streamsPrefix begins the key of a stream's setting: streams.NAME.SETTING.
const streamsPrefix = "streams."

// streamFields returns the settings of the stream called name, which it makes when there is none.
func (t *target) streamFields(name string) []field {
	s := t.streams[name]
	if s == nil {
		s = &Stream{}
		t.streams[name] = s
	}
	return appendFields(nil, streamsPrefix+name+".", reflect.ValueOf(s).Elem())
}

// find returns the setting of that key, or an *UnknownKeyError from where it was found. The name of a stream may have
// dots in it, its settings have none.
func (t *target) find(key, from string) (field, error) {
	known := t.fields
	if name, ok := strings.CutPrefix(key, scenesPrefix); ok && name != "" {
		return t.sceneField(name), nil
	}
	if rest, ok := strings.CutPrefix(key, streamsPrefix); ok {
		if dot := strings.LastIndexByte(rest, '.'); dot >= 0 {
			known = t.streamFields(rest[:dot])
		}
	}
	if i := slices.IndexFunc(known, func(f field) bool { return f.key == key }); i >= 0 {
		return known[i], nil
	}
	if i := slices.IndexFunc(known, func(f field) bool { return f.was == key }); i >= 0 {
		t.tell(Renamed{Old: key, New: known[i].key, From: from})
		return known[i], nil
	}
	return field{}, &UnknownKeyError{Key: key, From: from, Nearest: nearest(key, known)}
}

func (t *target) tell(r Renamed) {
	if t.renamed != nil {
		t.renamed(r)
	}
}

// findEnv returns the setting of that variable of the environment. Of a stream that is not known yet the name is in
// lower case, and has neither dots nor hyphens.
func (t *target) findEnv(variable string) (field, bool) {
	if f, ok := fieldOfEnv(t.all(), variable); ok {
		return f, true
	}
	if i := slices.IndexFunc(t.fields, func(f field) bool { return f.was != "" && envName(f.was) == variable }); i >= 0 {
		t.tell(Renamed{Old: variable, New: envName(t.fields[i].key), From: "environment"})
		return t.fields[i], true
	}
	if name, ok := strings.CutPrefix(variable, envName(scenesPrefix)); ok && name != "" {
		return t.sceneField(strings.ToLower(name)), true
	}
	rest, ok := strings.CutPrefix(variable, envName(streamsPrefix))
	if !ok {
		return field{}, false
	}
	for _, f := range appendFields(nil, ".", reflect.ValueOf(&Stream{}).Elem()) {
		suffix := strings.TrimPrefix(envName(f.key), envPrefix)
		if name, ok := strings.CutSuffix(rest, suffix); ok && name != "" {
			return fieldOfEnv(t.streamFields(strings.ToLower(name)), variable)
		}
	}
	return field{}, false
}

func fieldOfEnv(fs []field, variable string) (field, bool) {
	i := slices.IndexFunc(fs, func(f field) bool { return envName(f.key) == variable })
	if i < 0 {
		return field{}, false
	}
	return fs[i], true
}

// isGroup reports whether the key of a mapping, below prefix, is that of a group of settings. Every key below streams
// is: the name of a stream, which is made if there is none.
func (t *target) isGroup(prefix, key string) bool {
	if prefix == streamsPrefix {
		t.streamFields(key)
		return true
	}
	group := prefix + key + "."
	return group == streamsPrefix || group == scenesPrefix || slices.ContainsFunc(t.fields, func(f field) bool {
		return strings.HasPrefix(f.key, group) || strings.HasPrefix(f.was, group)
	})
}

// set sets one setting, found at from. seen has the settings that the same source has set already.
func (t *target) set(key, text, from string, seen map[string]bool) error {
	f, err := t.find(key, from)
	if err != nil {
		return err
	}
	return f.setOnce(text, from, seen)
}

// setOnce sets f to what text says, unless it is in seen, where it is put.
func (f field) setOnce(text, from string, seen map[string]bool) error {
	if seen[f.key] {
		return f.twice(from)
	}
	seen[f.key] = true
	if err := f.set(text); err != nil {
		return &ValueError{Key: f.key, From: from, Reason: err.Error()}
	}
	return nil
}

// twice is the error for a setting that one source sets again.
func (f field) twice(from string) error {
	reason := "got it twice, want it once"
	if f.was != "" {
		reason = "got it twice, perhaps as " + f.was + ", its old name: want it once"
	}
	return &ValueError{Key: f.key, From: from, Reason: reason}
}

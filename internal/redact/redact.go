// Package redact masks secrets in the URLs of sources, and in texts that quote such URLs, before people see them: in
// lists, logs, pages, metrics, errors and command lines.
//
// It does not guess which parameters of a query are secret, since cameras have too many names for a password. It shows
// those whose names are known to be harmless, such as channel and resolution, and masks all others.
package redact

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mask stands for a secret. It is what url.URL.Redacted writes.
const Mask = "xxxxx"

// URL returns source for display. In a URL it masks the password, the query parameters that are not known to be
// harmless, the fragment, and whatever follows "=" in a segment of the path, where some cameras have their password.
// Any other source, such as the name of a file, is returned as it is.
func URL(source string) string {
	var b strings.Builder
	end := 0
	for _, s := range secrets(source) {
		b.WriteString(source[end:s.begin] + Mask)
		end = s.end
	}
	return b.String() + source[end:]
}

// HasMask reports whether source is a URL with Mask in place of a secret: it was copied from a display.
func HasMask(source string) bool {
	return slices.ContainsFunc(secrets(source), func(s span) bool { return source[s.begin:s.end] == Mask })
}

// Text returns text with the secrets of all URLs in it masked, and with the secrets of sources masked also where no URL
// is around them. It is for the errors of net/http and the last lines of ffmpeg, which quote URLs in whole or in part.
func Text(text string, sources ...string) string {
	for _, source := range sources {
		if shown := URL(source); shown != source {
			text = strings.ReplaceAll(text, source, shown)
		}
	}
	text = urls.ReplaceAllStringFunc(text, func(found string) string {
		quoted := strings.TrimRight(found, ":;,.)") // The rest belongs to the sentence around it.
		return URL(quoted) + found[len(quoted):]
	})
	for _, source := range sources {
		for _, word := range words(source) {
			text = strings.ReplaceAll(text, word, Mask)
		}
	}
	return text
}

// Args returns a command line for display: the URLs in its arguments masked, and whatever follows "token=" or an
// argument that ends in "-token".
func Args(args []string) []string {
	shown := make([]string, len(args))
	for i, arg := range args {
		shown[i] = arg
		switch begin := strings.Index(arg, "://"); {
		case i > 0 && strings.HasSuffix(args[i-1], "-token"):
			shown[i] = Mask
		case begin >= 0:
			begin = len(strings.TrimRight(arg[:begin], schemeLetters))
			shown[i] = arg[:begin] + URL(arg[begin:])
		case strings.Contains(arg, "token="):
			name, _, _ := strings.Cut(arg, "token=")
			shown[i] = name + "token=" + Mask
		}
	}
	return shown
}

// urls finds URLs in a text. Blanks and quotes end them.
var urls = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'<>`]+")

// minWord is the length from which a secret is masked also without a URL around it. A shorter one would be found in
// ordinary words.
const minWord = 4

// words returns the secrets of source, as they stand there and decoded, the longest first.
func words(source string) []string {
	var found []string
	for _, s := range secrets(source) {
		raw := source[s.begin:s.end]
		_, value, _ := strings.Cut(raw, "=") // where the name of a parameter is masked with its value
		for _, word := range [...]string{raw, value} {
			found = append(found, word)
			if decoded, err := url.QueryUnescape(word); err == nil {
				found = append(found, decoded)
			}
			if decoded, err := url.PathUnescape(word); err == nil {
				found = append(found, decoded)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return len(s) < minWord || strings.Contains(Mask, s) })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(found)
}

// span is a secret within a URL: the bytes from begin up to end.
type span struct{ begin, end int }

// secrets returns the secrets of source in their order; none if it is no URL.
func secrets(source string) []span {
	scheme, rest, ok := strings.Cut(source, "://")
	if !ok || scheme == "" || strings.Trim(scheme, schemeLetters) != "" {
		return nil
	}
	var found []span
	add := func(begin, end int) {
		if begin < end {
			found = append(found, span{begin, end})
		}
	}
	at := len(source) - len(rest)
	if user := userinfo(rest); user >= 0 {
		if colon := strings.IndexByte(rest[:user], ':'); colon >= 0 {
			add(at+colon+1, at+user)
		}
		at += user + 1
	}
	end := len(source)
	fragment := indexFrom(source, at, "#", end)
	query := indexFrom(source, at, "?", fragment)
	for begin := at; begin < query; {
		segment := indexFrom(source, begin, "/", query)
		add(indexFrom(source, begin, "=", segment)+1, segment)
		begin = segment + 1
	}
	for begin := query + 1; begin < fragment; {
		pair := indexFrom(source, begin, "&;", fragment)
		if secret := parameter(source[begin:pair]); secret >= 0 {
			add(begin+secret, pair)
		}
		begin = pair + 1
	}
	add(fragment+1, end)
	return found
}

const schemeLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-"

// indexFrom returns the index of the first of chars in s[begin:end], or end.
func indexFrom(s string, begin int, chars string, end int) int {
	if i := strings.IndexAny(s[begin:end], chars); i >= 0 {
		return begin + i
	}
	return end
}

// userinfo returns the index of the @ that ends user and password in rest, which follows "://", or -1.
func userinfo(rest string) int {
	end := indexFrom(rest, 0, "/?#", len(rest))
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		return at
	}
	// A password with an unescaped / ? or #: no program opens that URL, but errors show it. Rather mask too much.
	_, port, ok := strings.Cut(rest[:end], ":")
	if !ok || strings.HasPrefix(rest, "[") {
		return -1
	}
	if strings.Trim(port, "0123456789") == "" { // It may be a port: then an @ in the query is none of a password.
		rest = rest[:indexFrom(rest, end, "?#", len(rest))]
	}
	return strings.LastIndexByte(rest, '@')
}

// parameter returns where the secret begins in a parameter of a query, name=value or value, or -1 for a harmless one.
func parameter(pair string) int {
	name, value, ok := strings.Cut(pair, "=")
	known := slices.Contains(harmless, strings.ToLower(name)) && len(value) <= maxValue && strings.Trim(value, plain) == "" && value != Mask
	switch {
	case known:
		return -1
	case !ok || len(name) > maxName || strings.Trim(name, plain) != "": // The name may be a secret: base64 ends in "=".
		return 0
	}
	return len(name) + 1
}

// What may be shown of a query.
const (
	maxName  = 24
	maxValue = 16
	plain    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
)

// harmless are query parameters of cameras and servers that hold no secret.
var harmless = []string{
	"action", "bitrate", "cam", "camera", "ch", "channel", "chn", "cmd", "codec", "compression", "format", "fps",
	"framerate", "height", "mode", "profile", "quality", "rate", "res", "resolution", "rotation", "size", "snapshot",
	"stream", "streamtype", "subtype", "transport", "type", "width",
}

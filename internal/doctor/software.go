package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/scenedir"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// ffmpeg tells which ffmpeg there is, and who needs it.
func (c *Checkup) ffmpeg(ctx context.Context) []Finding {
	var needs []string
	for _, name := range slices.Sorted(maps.Keys(c.Config.Streams)) {
		s := c.Config.Streams[name]
		_, test, _ := config.ParseTestSource(s.Source)
		_, remote, _ := config.ParseRemoteSource(s.Source)
		if s.Source != "" && !test && !remote && !camera.IsURL(s.Source) {
			needs = append(needs, name)
		}
	}
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		f := Finding{Note, "ffmpeg", "not found on PATH: videos, RTSP and devices cannot be read", ""}
		if len(needs) > 0 {
			f = Finding{Change, "ffmpeg", fmt.Sprintf("not found on PATH: these streams stay offline: %s", strings.Join(needs, ", ")), "install it: sudo apt-get install ffmpeg"}
		}
		return []Finding{f}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-hide_banner", "-version").Output()
	version, ok := strings.CutPrefix(string(out), "ffmpeg version ")
	if err != nil || !ok {
		return []Finding{{Change, "ffmpeg", fmt.Sprintf("%s does not run: %v", path, err), "install it again, or take it off PATH: " + ffmpeg.ErrNotFound.Error()}}
	}
	version, _, _ = strings.Cut(version, " ")
	return []Finding{{OK, "ffmpeg", version + ", " + path, ""}}
}

// settings tells what is set that should not be, though it is valid.
func (c *Checkup) settings(context.Context) (found []Finding) {
	if c.File != "" {
		found = append(found, Finding{About: "settings", Text: c.File + " is valid"})
	}
	for _, file := range []struct{ setting, name string }{
		{"auth.tokens_file", c.Config.Auth.TokensFile}, {"auth.link_keys", c.Config.Auth.LinkKeys}, {"tls.client_ca", c.Config.TLS.ClientCA},
	} {
		if file.name == "" {
			continue
		}
		f := Finding{OK, file.setting, file.name, ""}
		if _, err := os.ReadFile(file.name); err != nil {
			f.Level, f.Text, f.Advice = Stop, err.Error(), "a file that the server's user can read"
		}
		found = append(found, f)
	}
	for _, secret := range config.OpenSecrets(c.Config, c.File) {
		f := Finding{Change, secret.Setting, secret.Text(), secret.Advice()}
		if i := slices.IndexFunc(found, func(f Finding) bool { return f.About == secret.Setting }); i >= 0 {
			found[i] = f
		} else {
			found = append(found, f)
		}
	}
	exposed := config.Exposed(c.Config.HTTP.Listen) || config.Exposed(c.Config.GRPC.Listen) || config.Exposed(c.Config.RTSP.Listen)
	switch {
	case c.Config.Auth.Insecure && !c.Config.AuthRequired() && exposed:
		found = append(found, Finding{Change, "auth.insecure", "everybody who reaches the server may use it", "set auth.token or auth.tokens_file"})
	case c.Config.TLS.Cert == "" && exposed:
		found = append(found, Finding{Note, "tls.cert", "none: frames, images and tokens cross the network unencrypted, unless a proxy is in front", ""})
	}
	return found
}

// certificate tells whether the certificate and its key can be used, and for how long.
func (c *Checkup) certificate(context.Context) []Finding {
	if c.Config.TLS.Cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.Config.TLS.Cert, c.Config.TLS.Key)
	if err != nil {
		return []Finding{{Stop, "tls.cert", err.Error(), "steadyframe cert makes one for trials"}}
	}
	left := time.Until(pair.Leaf.NotAfter)
	f := Finding{OK, "tls.cert", fmt.Sprintf("for %s, until %s", strings.Join(pair.Leaf.DNSNames, ", "), pair.Leaf.NotAfter.Format(time.DateOnly)), ""}
	switch {
	case left < 0:
		f.Level, f.Text, f.Advice = Change, "no longer valid since "+pair.Leaf.NotAfter.Format(time.DateOnly)+": clients refuse it", "renew it; the server reads it again by itself"
	case left < 14*24*time.Hour:
		f.Level, f.Advice = Change, "renew it; the server reads it again by itself"
	}
	return []Finding{f}
}

// scenes tells whether the folders of scenes are complete.
func (c *Checkup) scenes(context.Context) (found []Finding) {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Scenes)) {
		f := Finding{OK, "scenes." + name, c.Config.Scenes[name], ""}
		if err := scenedir.Check(c.Config.Scenes[name]); err != nil {
			f.Level, f.Text, f.Advice = Stop, plain.Text(err.Error()), "steadyframe scene check "+c.Config.Scenes[name]
		}
		found = append(found, f)
	}
	return found
}

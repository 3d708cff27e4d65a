package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// settings are the flags that say how a server is set: those of serve, demo, check-config, doctor and health.
type settings struct {
	Config string            `short:"c" group:"settings" placeholder:"FILE" help:"Read settings from this YAML file."`
	Set    map[string]string `group:"settings" mapsep:"none" placeholder:"KEY=VALUE" help:"Set one setting, such as --set limits.max_batch=32. May be repeated; steadyframe check-config lists all."`
	Stream map[string]string `group:"settings" mapsep:"none" placeholder:"NAME=SOURCE" help:"Show a live stream: of a file or a URL that ffmpeg reads, or of testsrc, a scene made in code (testsrc:1280x720@30). May be repeated."`

	HTTP         *string `group:"settings" name:"http" placeholder:"ADDR" help:"Where HTTP listens: host:port, unix:/path or off."`
	GRPC         *string `group:"settings" name:"grpc" placeholder:"ADDR" help:"Where gRPC listens."`
	RTSP         *string `group:"settings" name:"rtsp" placeholder:"ADDR" help:"Where RTSP listens, for players and recorders: host:port, such as 127.0.0.1:8554."`
	Admin        *string `group:"settings" placeholder:"ADDR" help:"Where metrics, health and profiles are found."`
	MemoryBudget *string `group:"settings" placeholder:"SIZE" help:"Bytes of all frames and images together, such as 512MiB."`
	Insecure     bool    `group:"settings" help:"Listen beyond this machine though everybody may use the server: no token is set."`
	LogLevel     *string `group:"settings" placeholder:"LEVEL" values:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// hint says how to give a setting, or what else was meant, whose name was given as a flag: --http.listen.
func hint(flag string) string {
	key := strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_")
	if use, ok := elsewhere[key]; ok {
		return use
	}
	for _, s := range server.Default().Settings() {
		if strings.ReplaceAll(s.Key, ".", "_") != strings.ReplaceAll(key, ".", "_") {
			continue
		}
		if use := config.Flag(s.Key); use != "" {
			return "use " + use
		}
		return "use --set " + s.Key + "=VALUE"
	}
	return ""
}

// elsewhere are flags that other servers have.
var elsewhere = map[string]string{
	"port": "use --http HOST:PORT", "listen": "use --http HOST:PORT", "addr": "use --http HOST:PORT", "host": "use --http HOST:PORT",
	"bind": "use --http HOST:PORT", "token": "set STEADYFRAME_AUTH_TOKEN in the environment, or auth.token in a settings file",
}

// load returns the settings: defaults, then the file's, then the environment's, then the flags'.
func (s *settings) load() (config.Config, error) {
	set := maps.Clone(s.Set)
	if set == nil {
		set = map[string]string{}
	}
	for name, source := range s.Stream {
		set["streams."+name+".source"] = source
	}
	for key, value := range map[string]*string{
		"http.listen": s.HTTP, "grpc.listen": s.GRPC, "rtsp.listen": s.RTSP, "admin.listen": s.Admin,
		"limits.memory_budget": s.MemoryBudget, "log.level": s.LogLevel,
	} {
		if value != nil {
			set[key] = *value
		}
	}
	if s.Insecure {
		set["auth.insecure"] = "true"
	}
	var renamed []config.Renamed
	c, err := config.Load(config.LoadOptions{
		File: s.Config, Environ: os.Environ(), Set: set, Renamed: func(r config.Renamed) { renamed = append(renamed, r) },
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w; steadyframe check-config --explain > FILE writes one to begin with", err)
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w; the user that the server runs as must be able to read it", err)
	}
	if err != nil {
		return config.Config{}, &cli.UsageError{Err: err}
	}
	log, err := newLogger(c)
	if err != nil {
		return config.Config{}, &cli.UsageError{Err: err}
	}
	for _, r := range renamed {
		log.Warn("setting has a new name", "old", r.Old, "new", r.New, "from", r.From)
	}
	return c, nil
}

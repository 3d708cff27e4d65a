package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/doctor"
	"github.com/steadyframe/steadyframe/internal/server"
)

// doctorCmd is steadyframe doctor.
type doctorCmd struct{ settings }

// Help is the longer text of steadyframe doctor --help.
func (doctorCmd) Help() string {
	return `Looks at this machine and at the settings that a server would run with: the processor and the kernels chosen for it, quotas and
memory of the control group, the clock, ffmpeg, open files, shared memory, certificates, scenes, and whether its addresses are
free, and if not, who has them. It changes nothing.

Lines begin with ok, note, change (the server runs, but not as well as it could) or STOPS (it does not start), and say what to
do. Run it as the user that the server runs as. Exit code: 0 when a server would start, else 1.

Examples:
  steadyframe doctor
  sudo -u frames steadyframe doctor --config /etc/steadyframe/steadyframe.yaml`
}

// Run prints the findings on standard output.
func (c *doctorCmd) Run(ctx context.Context) error {
	loaded, err := c.load()
	var found []doctor.Finding
	if err != nil {
		loaded = server.Default()
		found = append(found, doctor.Finding{Level: doctor.Stop, About: "settings", Text: cli.Message(err), Advice: "steadyframe check-config --explain says what is valid; what follows is for the defaults"})
		c.Config = ""
	}
	checkup := doctor.Checkup{
		Config: loaded, File: c.Config, Root: os.DirFS("/"), Getenv: os.Getenv,
		Running: func(ctx context.Context) bool {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			_, err := cli.AskAdmin(ctx, loaded.Admin.Listen, loaded.TLS.Cert, "/healthz")
			return err == nil
		},
	}
	found = append(found, checkup.Run(ctx)...)
	if err := doctor.Write(os.Stdout, found); err != nil {
		return err
	}
	if doctor.Stops(found) {
		return &cli.ReportedError{Err: errors.New("a server does not start")}
	}
	return nil
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// certCmd is steadyframe cert.
type certCmd struct {
	Names []string      `arg:"" optional:"" help:"Names and addresses of the server. Default: localhost, 127.0.0.1, ::1 and the machine's name."`
	Out   string        `short:"o" default:"." type:"path" placeholder:"DIR" help:"Folder to write cert.pem and key.pem into. Default: this one."`
	For   time.Duration `default:"720h" placeholder:"TIME" help:"How long it is valid. Default: 720h, which is 30 days."`
	Force bool          `short:"f" help:"Replace the files if they exist."`
}

// Help is the longer text of steadyframe cert --help.
func (certCmd) Help() string {
	return `Makes a certificate that nobody but itself vouches for, and its key, to try TLS. Clients must be told to trust it; browsers warn.
For a server that others use, take a certificate of an authority. The server reads files that change again, without a restart.

Examples:
  steadyframe cert -o tls && steadyframe serve --set tls.cert=tls/cert.pem --set tls.key=tls/key.pem
  steadyframe push clip.mp4 https://localhost:8080 --ca tls/cert.pem
  steadyframe bench load --tls --ca tls/cert.pem localhost:50051`
}

// AfterApply checks what no single flag can know.
func (c *certCmd) AfterApply() error {
	if c.For <= 0 {
		return fmt.Errorf("--for: got %v, want more than 0", c.For)
	}
	return nil
}

// Run writes the files and says what to do with them.
func (c *certCmd) Run() error {
	names := c.Names
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1", "::1"}
		if host, err := os.Hostname(); err == nil && host != "" && !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	if err := cli.MakeCert(c.Out, names, c.For, c.Force); err != nil {
		return err
	}
	cert, key := filepath.Join(c.Out, cli.CertFile), filepath.Join(c.Out, cli.KeyFile)
	fmt.Printf("wrote %s and %s, for %s, valid until %s\n", cert, key, strings.Join(names, ", "), time.Now().Add(c.For).UTC().Format(time.DateOnly))
	fmt.Printf("steadyframe serve --set tls.cert=%s --set tls.key=%s\n", cert, key)
	return nil
}

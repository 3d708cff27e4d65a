package main

import (
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// completionCmd is steadyframe completion.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the longer text of steadyframe completion --help.
func (completionCmd) Help() string {
	return `For one shell:
  source <(steadyframe completion bash)
  source <(steadyframe completion zsh)
  steadyframe completion fish | source

For all to come:
  steadyframe completion bash > ~/.local/share/bash-completion/completions/steadyframe
  steadyframe completion zsh > "${fpath[1]}/_steadyframe"
  steadyframe completion fish > ~/.config/fish/completions/steadyframe.fish`
}

// Run prints the script on standard output.
func (c *completionCmd) Run(k *kong.Context) error {
	script, err := cli.Completion(c.Shell, k.Model)
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, script)
	return err
}

// manCmd is steadyframe man, which `make man` calls.
type manCmd struct {
	Dir string `arg:"" help:"The folder."`
}

// Run writes the pages.
func (c *manCmd) Run(k *kong.Context) error { return cli.WriteManuals(c.Dir, k.Model) }

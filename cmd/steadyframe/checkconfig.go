package main

import (
	"fmt"
	"os"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// checkConfigCmd is steadyframe check-config.
type checkConfigCmd struct {
	settings
	Explain bool `help:"Print what each setting is, which values are valid, its default, and its variable of the environment, as comments."`
}

// Help is the longer text of steadyframe check-config --help.
func (checkConfigCmd) Help() string {
	return `Settings come from defaults, then the file, then variables of the environment (STEADYFRAME_HTTP_LISTEN for http.listen),
then flags, each over the ones before. What is printed can be used as a file. An unknown setting, a wrong value, a scene
whose folder is not there or not complete, or a file of tokens or keys that is wrong, is an error: exit code 2.`
}

// Run prints the settings as YAML on standard output.
func (c *checkConfigCmd) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	if err := cli.CheckScenes(loaded); err != nil {
		return err
	}
	if err := cli.CheckAuth(loaded); err != nil {
		return err
	}
	write := loaded.WriteYAML
	if c.Explain {
		write = loaded.WriteExplained
	}
	if err := write(os.Stdout); err != nil {
		return err
	}
	if loaded.Ring.Listen == config.Auto && ring.Supported {
		fmt.Printf("# ring.listen auto is unix:%s\n", ring.DefaultPath())
	}
	return nil
}

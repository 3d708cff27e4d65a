package main

import (
	"fmt"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// linkCmd is steadyframe link.
type linkCmd struct {
	settings
	Stream string        `arg:"" help:"Name of the live stream; * stands for any characters."`
	For    time.Duration `default:"24h" placeholder:"TIME" help:"How long the link is good. Default: 24h."`
	Keys   string        `type:"path" placeholder:"FILE" help:"File of keys. Default: the setting auth.link_keys."`
	URL    string        `name:"url" placeholder:"URL" help:"Address of the server for those who get the link. Default: where the settings say that it listens."`
}

// Help is the longer text of steadyframe link --help.
func (linkCmd) Help() string {
	return `Prints URLs that show a live stream to whoever has them, for so long, without a token: as MJPEG for images of web pages and
players, its newest image, its sound, a WebSocket, and the page. What was begun with a link ends with it, too.

The server is not asked, and remembers nothing: links are signed with the first key of auth.link_keys, the file that the server
reads (steadyframe token key makes one). Taking a key out of the file ends all of its links.

Examples:
  steadyframe link cars --for 24h -c steadyframe.yaml --url https://frames.example
  ffplay "$(steadyframe link cars --keys link.keys | head -1)"`
}

// Run is called by kong.
func (c *linkCmd) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	link := cli.Link{Stream: c.Stream, For: c.For, Keys: c.Keys, URL: c.URL}
	if link.Keys == "" {
		link.Keys = loaded.Auth.LinkKeys
	}
	if link.URL == "" {
		link.URL = cli.PageURL(loaded.HTTP.Listen, loaded.TLS.Cert != "")
	}
	until, err := link.Print(os.Stdout, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "good until %s\n", until.Format(time.RFC3339))
	return nil
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// tokenCmd is steadyframe token.
type tokenCmd struct {
	New tokenNewCmd `cmd:"" help:"Make a token with a name and scopes, and its line for the file of auth.tokens_file."`
	Key tokenKeyCmd `cmd:"" help:"Make a key that signs links, for the file of auth.link_keys."`
}

// tokenNewCmd is steadyframe token new.
type tokenNewCmd struct {
	Name  string   `required:"" placeholder:"NAME" help:"Who has the token, for the log: 1 to 64 of A-Z a-z 0-9 . _ - @."`
	Scope []string `required:"" placeholder:"SCOPE" help:"What it is for: encode, publish:NAME, view:NAME, admin; * in NAME stands for any characters."`
	File  string   `type:"path" placeholder:"FILE" help:"Add the line to this file of tokens, and print the token alone."`
}

// Help is the longer text of steadyframe token new --help.
func (tokenNewCmd) Help() string {
	return `A server with the setting auth.tokens_file takes the tokens of that file, and reads it again when it changes. The file has their
hashes, not the tokens: a token is shown once, here, and cannot be had again. To take one back, remove its line.

Standard output is the line for the file, and standard error the token; with --file standard output is the token.

Scopes: encode (frames to images, sound to features), publish:NAME (feed that live stream), view:NAME (watch and list it), admin
(the admin listener, scenes, links).

Exit code: 0, 1 when the file cannot be written, 2 when the command line or the file is wrong.

Examples:
  steadyframe token new --name cam1 --scope publish:cam1 --file tokens
  steadyframe token new --name wall --scope 'view:*' >> tokens
  steadyframe serve --set auth.tokens_file=tokens`
}

// Run is called by kong.
func (c *tokenNewCmd) Run() error {
	var scopes config.Scopes
	if err := scopes.UnmarshalText([]byte(strings.Join(c.Scope, ","))); err != nil {
		return &cli.UsageError{Err: fmt.Errorf("--scope: %w", err)}
	}
	token, line, err := cli.NewToken(c.Name, scopes, c.File)
	if err != nil {
		return err
	}
	if c.File != "" {
		fmt.Println(token)
		return nil
	}
	fmt.Println(line)
	fmt.Fprintf(os.Stderr, "the token of %s, which is shown this once: %s\n", c.Name, token)
	return nil
}

// tokenKeyCmd is steadyframe token key.
type tokenKeyCmd struct{}

// Help is the longer text of steadyframe token key --help.
func (tokenKeyCmd) Help() string {
	return `Prints a line for the file of auth.link_keys, which only the server's user should be able to read. The first key of the file signs
links, and links of the second are still good: to replace a key, put a new one above it, and remove the old one when its last link is
over. steadyframe link --help says how to make links.

Example:
  steadyframe token key > link.keys && chmod 600 link.keys`
}

// Run is called by kong.
func (tokenKeyCmd) Run() error {
	_, err := fmt.Println(auth.NewLinkKey())
	return err
}

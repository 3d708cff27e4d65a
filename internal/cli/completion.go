package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells are those that Completion knows.
var Shells = []string{"bash", "zsh", "fish"}

// Completion returns a script for a shell of that name, one of Shells, which completes the commands, flags and values that the
// model of a program has. It is complete in itself: no shell runs the program to know more.
func Completion(shell string, app *kong.Application) (string, error) {
	commands := describe(app)
	switch shell {
	case "bash":
		return bashCompletion(app.Name, commands), nil
	case "zsh":
		return zshCompletion(app.Name, commands), nil
	case "fish":
		return fishCompletion(app.Name, commands), nil
	}
	return "", usagef("unknown shell: got %q, want %s", shell, strings.Join(Shells, ", "))
}

// command is what may follow a command of the command line.
type command struct {
	path     string // " scene check", empty for the program itself
	help     string
	commands []word
	flags    []flagWords
	args     []words // in order; the last of a slice repeats
}

// word is a candidate, with what it is.
type word struct{ text, help string }

// flagWords is a flag, with the candidates of its value.
type flagWords struct {
	name  string // without --
	short string // without -; may be empty
	help  string
	words
}

// words are candidates of a value.
type words struct {
	none  bool     // there is no value: a switch
	files bool     // names of files and folders
	list  []string // or these
}

// describe returns the commands of a program, the program first.
func describe(app *kong.Application) (all []command) {
	var visit func(n *kong.Node, path string)
	visit = func(n *kong.Node, path string) {
		c := command{path: path, help: firstSentence(n.Help)}
		for _, child := range n.Children {
			if !child.Hidden {
				c.commands = append(c.commands, word{child.Name, firstSentence(child.Help)})
			}
		}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				short := ""
				if f.Short != 0 {
					short = string(f.Short)
				}
				c.flags = append(c.flags, flagWords{f.Name, short, firstSentence(f.Help), valueWords(f.Value)})
			}
		}
		for _, p := range n.Positional {
			c.args = append(c.args, valueWords(p))
		}
		all = append(all, c)
		for _, child := range n.Children {
			if !child.Hidden {
				visit(child, path+" "+child.Name)
			}
		}
	}
	visit(app.Node, "")
	return all
}

// valueWords returns the candidates of a flag's value, or of an argument. Tags say them: enum, or values where kong is not to
// check; a placeholder that is the name of a file.
func valueWords(v *kong.Value) words {
	placeholder := v.Tag.PlaceHolder
	switch list := v.Tag.Get("values"); {
	case v.IsBool():
		return words{none: true}
	case v.Tag.Enum != "":
		return words{list: strings.Split(v.Tag.Enum, ",")}
	case list != "":
		return words{list: strings.Split(list, ",")}
	case v.Flag == nil, placeholder == "FILE", placeholder == "OUT", placeholder == "DIR", placeholder == "VIDEO":
		return words{files: true}
	}
	return words{}
}

// firstSentence returns the beginning of a help text, as one line for a list. A point inside a number or name ends nothing.
func firstSentence(help string) string {
	for _, end := range []string{". ", ": ", "; ", " ("} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.TrimSuffix(help, ".")
}

// names returns the texts of candidates.
func names(of []word) []string {
	var all []string
	for _, w := range of {
		all = append(all, w.text)
	}
	return all
}

// bashCompletion returns the script for bash, which needs nothing of bash-completion.
func bashCompletion(program string, commands []command) string {
	function := "_" + strings.ReplaceAll(program, "-", "_")
	var b strings.Builder
	fmt.Fprintf(&b, `# Completion of %[1]s for bash: source <(%[1]s completion bash)
%[2]s() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} called= flags= files= i
  [[ $current == = ]] && current=
  [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$called ${COMP_WORDS[i]}" in
`, program, function)
	for _, c := range commands[1:] {
		fmt.Fprintf(&b, "      '%[1]s') called='%[1]s' ;;\n", c.path)
	}
	b.WriteString("    esac\n  done\n  case $called in\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "    '%s')\n      case $before in\n", c.path)
		var switches []string
		for _, f := range c.flags {
			switches = append(switches, "--"+f.name)
			pattern := "--" + f.name
			if f.short != "" {
				pattern += "|-" + f.short
			}
			switch {
			case f.none:
			case f.files:
				fmt.Fprintf(&b, "        %s) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n", pattern)
			default:
				fmt.Fprintf(&b, "        %s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$current\"); return ;;\n", pattern, strings.Join(f.list, " "))
			}
		}
		candidates, files := names(c.commands), ""
		for _, a := range c.args {
			candidates = append(candidates, a.list...)
			if a.files {
				files = "yes"
			}
		}
		fmt.Fprintf(&b, "      esac\n      flags='%s'\n      files=%s\n      [[ $current == -* ]] || flags='%s'\n      ;;\n",
			strings.Join(switches, " "), files, strings.Join(candidates, " "))
	}
	fmt.Fprintf(&b, `  esac
  mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current"; [[ $current != -* && -n $files ]] && compgen -f -- "$current")
}
complete -o filenames -F %s %s
`, function, program)
	return b.String()
}

// zshCompletion returns the script for zsh, which may also be a file _NAME in a folder of $fpath.
func zshCompletion(program string, commands []command) string {
	function := "_" + program
	var b strings.Builder
	fmt.Fprintf(&b, `#compdef %[1]s
# Completion of %[1]s for zsh: source <(%[1]s completion zsh), or this as %[2]s in a folder of $fpath
%[2]s() {
  local called=
  while (( CURRENT > 2 )); do
    case "$called ${words[2]}" in
`, program, function)
	for _, c := range commands[1:] {
		fmt.Fprintf(&b, "      '%[1]s') called='%[1]s' ;;\n", c.path)
	}
	b.WriteString("      *) break ;;\n    esac\n    shift words\n    (( CURRENT-- ))\n  done\n  case $called in\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "    '%s')\n      _arguments \\\n", c.path)
		for _, f := range c.flags {
			value := zshWords("value", f.words)
			fmt.Fprintf(&b, "        '--%s[%s]%s' \\\n", f.name+zshEquals(f.words), zshText(f.help), value)
			if f.short != "" {
				fmt.Fprintf(&b, "        '-%s[%s]%s' \\\n", f.short, zshText(f.help), value)
			}
		}
		if len(c.commands) > 0 {
			b.WriteString("        '1:command:((")
			for i, w := range c.commands {
				if i > 0 {
					b.WriteString(" ")
				}
				fmt.Fprintf(&b, `%s\:"%s"`, w.text, strings.ReplaceAll(zshText(w.help), `"`, ""))
			}
			b.WriteString("))' \\\n")
		}
		for i, a := range c.args {
			fmt.Fprintf(&b, "        '%d%s' \\\n", i+1, zshWords("argument", a))
		}
		b.WriteString("        ;;\n")
	}
	fmt.Fprintf(&b, `  esac
}
if [[ $funcstack[1] == %[1]s ]]; then %[1]s "$@"; else compdef %[1]s %[2]s; fi
`, function, program)
	return b.String()
}

// zshEquals is how _arguments knows that a flag's value may stand after "=".
func zshEquals(w words) string {
	if w.none {
		return ""
	}
	return "="
}

// zshWords returns the end of a specification of _arguments: what a value is.
func zshWords(what string, w words) string {
	switch {
	case w.none:
		return ""
	case w.files:
		return ":" + what + ":_files"
	case len(w.list) > 0:
		return ":" + what + ":(" + strings.Join(w.list, " ") + ")"
	}
	return ":" + what + ": "
}

// zshText is text inside the brackets of a specification, between single quotes.
func zshText(text string) string {
	return strings.NewReplacer("'", `'\''`, "[", "(", "]", ")", ":", `\:`).Replace(text)
}

// fishCompletion returns the script for fish.
func fishCompletion(program string, commands []command) string {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %[1]s for fish: %[1]s completion fish | source\ncomplete -c %[1]s -f\n", program)
	for _, c := range commands {
		under := "__fish_use_subcommand"
		if c.path != "" {
			under = "__fish_seen_subcommand_from" + c.path[strings.LastIndex(c.path, " "):]
		}
		for _, w := range c.commands {
			condition := under
			if c.path != "" {
				condition += "; and not __fish_seen_subcommand_from " + strings.Join(names(c.commands), " ")
			}
			fmt.Fprintf(&b, "complete -c %s -n %s -a %s -d %s\n", program, quote(condition), w.text, quote(w.help))
		}
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c %s -n %s -l %s", program, quote(under), f.name)
			if f.short != "" {
				b.WriteString(" -s " + f.short)
			}
			b.WriteString(fishWords(f.words) + " -d " + quote(f.help) + "\n")
		}
		for _, a := range c.args {
			switch {
			case a.files:
				fmt.Fprintf(&b, "complete -c %s -n %s -F\n", program, quote(under))
			case len(a.list) > 0:
				fmt.Fprintf(&b, "complete -c %s -n %s -a %s\n", program, quote(under), quote(strings.Join(a.list, " ")))
			}
		}
	}
	return b.String()
}

// fishWords returns the options of fish's complete that say what a flag's value is.
func fishWords(w words) string {
	switch {
	case w.none:
		return ""
	case w.files:
		return " -r -F"
	case len(w.list) > 0:
		return " -x -a '" + strings.Join(w.list, " ") + "'"
	}
	return " -x"
}

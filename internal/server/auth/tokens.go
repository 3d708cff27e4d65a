package auth

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// The file of auth.tokens_file has a line for each token: its name, its hash, and its scopes, with blanks between them. What follows #
// is a comment.
//
//	cam1  sha256:9f86d0...  publish:cam1
//	nvr   cert:nvr.example  view:*        the clients with a certificate of that name
//
// Tokens are random and long (NewToken), so that one round of SHA-256 keeps them secret: there is nothing to guess.

const (
	hashPrefix = "sha256:"
	certPrefix = "cert:"
	// tokenPrefix begins tokens, so that people and programs that look for secrets in texts know what they are.
	tokenPrefix = "sf_"
	// secretBytes is how much of a token or key is random.
	secretBytes = 32
	// mostTokens bounds the lines of the file: each is compared with each token that comes.
	mostTokens = 1000
	// maxTokenName is the longest name of a token.
	maxTokenName = 64
)

// tokens are what a file of them says.
type tokens struct {
	secret []secret
	certs  map[string]*Identity // by the certificate's name
}

// secret is a token of the file.
type secret struct {
	hash [sha256.Size]byte
	of   *Identity
}

// find returns the Identity of a token, nil for one that is not there. It compares with all of them, in constant time.
func (t *tokens) find(hash *[sha256.Size]byte) (found *Identity) {
	for n := range t.secret {
		if subtle.ConstantTimeCompare(t.secret[n].hash[:], hash[:]) == 1 {
			found = t.secret[n].of
		}
	}
	return found
}

// ParseTokens returns how many tokens and certificates the contents of a file of tokens name, or what is wrong with it.
func ParseTokens(data []byte) (n int, err error) {
	t, err := parseTokens(data, nil)
	return len(t.secret) + len(t.certs), err
}

// parseTokens reads a file. r is the record of its identities.
func parseTokens(data []byte, r *record) (tokens, error) {
	t := tokens{certs: map[string]*Identity{}}
	names := map[string]int{}
	hashes := map[[sha256.Size]byte]int{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		wrong := func(format string, args ...any) (tokens, error) {
			return tokens{}, fmt.Errorf("line %d: %w", number, fmt.Errorf(format, args...))
		}
		if len(fields) < 3 {
			return wrong("got %d words, want a name, %sHASH or %sNAME, and scopes", len(fields), hashPrefix, certPrefix)
		}
		name, key := fields[0], fields[1]
		if err := CheckTokenName(name); err != nil {
			return wrong("%w", err)
		}
		if before := names[name]; before > 0 {
			return wrong("got the name %s again, which is that of line %d", name, before)
		}
		names[name] = number
		var scopes config.Scopes
		if err := scopes.UnmarshalText([]byte(strings.Join(fields[2:], ","))); err != nil {
			return wrong("%w", err)
		}
		id := &Identity{name: "token " + name, owner: "token " + name, scopes: scopes, record: r}
		if cert, ok := strings.CutPrefix(key, certPrefix); ok {
			if cert == "" || t.certs[cert] != nil {
				return wrong("got %.80q, want the name of a certificate after %s that no other line has", key, certPrefix)
			}
			id.name, id.owner = "certificate "+name, "certificate "+name
			t.certs[cert] = id
			continue
		}
		hash, err := parseHash(key)
		if err != nil {
			return wrong("%w", err)
		}
		if before := hashes[hash]; before > 0 {
			return wrong("got the hash of line %d again: want another token", before)
		}
		hashes[hash] = number
		if t.secret = append(t.secret, secret{hash, id}); len(t.secret) > mostTokens {
			return wrong("got more than %d tokens, want at most as many", mostTokens)
		}
	}
	return t, lines.Err()
}

// parseHash reads the hash of a token. An error does not quote it: it may be the token itself.
func parseHash(text string) (hash [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(text, hashPrefix)
	if data, err := hex.DecodeString(digits); ok && err == nil && len(data) == len(hash) {
		return [sha256.Size]byte(data), nil
	}
	return hash, fmt.Errorf("the second word is no hash of a token: want %s and %d hexadecimal digits, as steadyframe token new prints them", hashPrefix, 2*len(hash))
}

// CheckTokenName returns an error for what cannot be the name of a token: 1 to 64 of A-Z a-z 0-9 . _ - @.
func CheckTokenName(name string) error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@"
	if name == "" || len(name) > maxTokenName || strings.Trim(name, letters) != "" {
		return fmt.Errorf("got the name %.80q, want 1 to %d of A-Z a-z 0-9 . _ - @", name, maxTokenName)
	}
	return nil
}

// NewToken returns a new token, and its line for the file of tokens.
func NewToken(name string, scopes config.Scopes) (token, line string, err error) {
	if err := CheckTokenName(name); err != nil {
		return "", "", err
	}
	if len(scopes) == 0 {
		return "", "", fmt.Errorf("got no scope, want encode, publish:NAME, view:NAME or admin")
	}
	token = tokenPrefix + newSecret()
	hash := sha256.Sum256([]byte(token))
	return token, fmt.Sprintf("%s %s%x %s", name, hashPrefix, hash, scopes), nil
}

// newSecret returns a random secret as a text.
func newSecret() string {
	data := make([]byte, secretBytes)
	_, _ = rand.Read(data) // It never fails.
	return base64.RawURLEncoding.EncodeToString(data)
}

package conn

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/reread"
)

// LoadTLS returns how listeners with the settings c encrypt: TLS 1.2 or newer, with what its files say when a client connects.
// Connections go on with what they began with. With client_ca a client may show a certificate, which is then verified.
func LoadTLS(c config.TLS, log *slog.Logger) (*tls.Config, error) {
	parse := func(contents [][]byte) (*tls.Config, error) {
		cert, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", c.Cert, c.Key, err)
		}
		out := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert}}
		if len(contents) > 2 {
			out.ClientAuth, out.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
			if !out.ClientCAs.AppendCertsFromPEM(contents[2]) {
				return nil, fmt.Errorf("tls.client_ca: %s has no certificate: want a PEM file that begins with -----BEGIN CERTIFICATE-----", c.ClientCA)
			}
			out.SessionTicketsDisabled = true // A resumed session would not see that an authority was removed.
		}
		return out, nil
	}
	paths := []string{c.Cert, c.Key}
	if c.ClientCA != "" {
		paths = append(paths, c.ClientCA)
	}
	files, err := reread.Open(log, "tls.cert", parse, paths...)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, SessionTicketsDisabled: c.ClientCA != "",
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return files.Get(), nil },
	}, nil
}

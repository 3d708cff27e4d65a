package conn

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/reread"
)

// PeerTLS returns how a server connects to other nodes of its cluster, and to NATS, over TLS. It trusts the authorities of cluster.ca,
// or those of the system and of tls.client_ca, and its own certificate, which several nodes may have. It shows that certificate to
// who asks for one of an authority that signed it. Names are checked: the caller, or its library, sets ServerName.
func PeerTLS(c config.Config, log *slog.Logger) (*tls.Config, error) {
	roots, err := peerRoots(c)
	if err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if c.TLS.Cert == "" {
		return out, nil
	}
	own, err := ownCertificate(c.TLS, log)
	if err != nil {
		return nil, err
	}
	out.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert := own.Get()
		if asked.SupportsCertificate(cert) != nil || !isForClients(cert.Leaf) {
			return &tls.Certificate{}, nil // The token says who it is.
		}
		return cert, nil
	}
	return out, nil
}

// RouteTLS returns how nodes encrypt the connections of their embedded NATS, both ends of them; nil without tls.cert. Where the
// certificate of this node is one that tls.client_ca signed, for clients too, those of the others must be.
func RouteTLS(c config.Config, log *slog.Logger) (*tls.Config, error) {
	if c.TLS.Cert == "" {
		return nil, nil
	}
	out, err := PeerTLS(c, log)
	if err != nil {
		return nil, err
	}
	own, err := ownCertificate(c.TLS, log)
	if err != nil {
		return nil, err
	}
	out.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.Get(), nil }
	if c.TLS.ClientCA == "" {
		return out, nil
	}
	authorities := x509.NewCertPool()
	if err := addAuthorities(authorities, "tls.client_ca", c.TLS.ClientCA); err != nil {
		return nil, err
	}
	between := x509.NewCertPool()
	for _, der := range own.Get().Certificate[1:] {
		if cert, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(cert)
		}
	}
	_, wrong := own.Get().Leaf.Verify(x509.VerifyOptions{Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if wrong != nil {
		log.Warn("other nodes need cluster.token alone: this node's certificate is none that they could check with tls.client_ca", "setting", "tls.cert", "err", wrong)
		return out, nil
	}
	out.ClientAuth, out.ClientCAs = tls.RequireAndVerifyClientCert, authorities
	return out, nil
}

// ownCertificate returns the certificate of the server, which is read again when it changes.
func ownCertificate(c config.TLS, log *slog.Logger) (*reread.Files[*tls.Certificate], error) {
	parse := func(contents [][]byte) (*tls.Certificate, error) {
		cert, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", c.Cert, c.Key, err)
		}
		if cert.Leaf == nil {
			cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0])
		}
		return &cert, err
	}
	return reread.Open(log, "tls.cert", parse, c.Cert, c.Key)
}

// isForClients reports whether a certificate may be shown by a client.
func isForClients(cert *x509.Certificate) bool {
	return len(cert.ExtKeyUsage) == 0 || slices.ContainsFunc(cert.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageClientAuth || u == x509.ExtKeyUsageAny
	})
}

// peerRoots returns the authorities that sign the certificates of other nodes.
func peerRoots(c config.Config) (*x509.CertPool, error) {
	if c.Cluster.CA != "" {
		roots := x509.NewCertPool()
		return roots, addAuthorities(roots, "cluster.ca", c.Cluster.CA)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, file := range []struct{ setting, path string }{{"tls.client_ca", c.TLS.ClientCA}, {"tls.cert", c.TLS.Cert}} {
		if file.path == "" {
			continue
		}
		if err := addAuthorities(roots, file.setting, file.path); err != nil {
			return nil, err
		}
	}
	return roots, nil
}

// addAuthorities adds the certificates of a file to pool.
func addAuthorities(pool *x509.CertPool, setting, path string) error {
	data, err := os.ReadFile(path)
	if err == nil && !pool.AppendCertsFromPEM(data) {
		err = fmt.Errorf("%s has no certificate: want a PEM file that begins with -----BEGIN CERTIFICATE-----", path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	return nil
}

package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Trust returns whom a client trusts besides those that the system's authorities vouch for: those of the certificates in the
// PEM file ca, if one is named, or with insecure anybody. The error is for the user.
func Trust(ca string, insecure bool) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: insecure}
	if ca == "" {
		return c, nil
	}
	data, err := os.ReadFile(ca)
	if err != nil {
		return nil, usagef("--ca %s: %w", ca, reason(err))
	}
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		c.RootCAs = x509.NewCertPool()
	}
	if !c.RootCAs.AppendCertsFromPEM(data) {
		return nil, usagef("--ca %s has no certificate: want a PEM file that begins with -----BEGIN CERTIFICATE-----", ca)
	}
	return c, nil
}

// TrustOwn returns that a client trusts the server of this machine that has the first certificate of a PEM file (tls.cert), under
// any name, and no other.
func TrustOwn(cert string) (*tls.Config, error) {
	data, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("tls.cert: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("tls.cert: %s has no certificate: want a PEM file that begins with -----BEGIN CERTIFICATE-----", cert)
	}
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error { // The whole certificate is compared, in place of names and authorities.
		if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
			return errors.New("the server has another certificate than tls.cert")
		}
		return nil
	}}, nil
}

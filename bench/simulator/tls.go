package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certify makes an authority and a server certificate, good or bad as the mode says, and the TLS configuration.
func (s *Server) certify(mode string) error {
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "simulator"},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	selfSigned := false
	switch mode {
	case "valid", "stall":
	case "expired":
		leaf.NotAfter = now.Add(-24 * time.Hour)
	case "wrong-host":
		leaf.DNSNames, leaf.IPAddresses = []string{"other.invalid"}, nil
	case "self-signed":
		selfSigned = true
	case "tls10":
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 //nolint:gosec // the fault asked for
	default:
		return fmt.Errorf("unknown TLS mode %q", mode)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simulator authority"},
		NotBefore: leaf.NotBefore, NotAfter: now.Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	signed, err := sign(authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	parent, signer := authority, authorityKey
	if selfSigned {
		parent, signer = leaf, leafKey
	}
	served, err := sign(leaf, parent, leafKey.Public(), signer)
	if err != nil {
		return err
	}
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{served}, PrivateKey: leafKey}}
	s.tls = config
	s.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	return nil
}

func sign(cert, parent *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key, signer)
	if err != nil {
		return nil, fmt.Errorf("cannot sign a certificate: %w", err)
	}
	return der, nil
}

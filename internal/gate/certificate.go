package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// The files of an authority, in the directory that -tls names.
const (
	authorityFile = "ca.pem"
	keyFile       = "ca-key.pem"
)

const (
	authorityLife = 365 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// An authority signs the server's certificate. It can sign for nothing but its
// hosts and this machine, so that trusting it is safe.
type authority struct {
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	file    string // that clients have to trust
	program string
	hosts   []string
}

// loadAuthority reads the authority of a directory, or makes one there if there
// is none or its time is almost over.
func loadAuthority(dir, program string, hosts []string) (*authority, error) {
	certPath, keyPath := filepath.Join(dir, authorityFile), filepath.Join(dir, keyFile)
	info, err := os.Stat(keyPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := checkOwn(certPath, program); err != nil {
			return nil, err
		}
		return makeAuthority(dir, certPath, keyPath, program, hosts)
	case err != nil:
		return nil, err
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it, or remove it and %s", keyPath, authorityFile)
	}
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return nil, fmt.Errorf("%w; remove %s and %s to have them made anew", err, certPath, keyPath)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s is no authority that %s has made", certPath, program)
	}
	for _, host := range hosts {
		if !slices.Contains(pair.Leaf.PermittedDNSDomains, host) {
			return nil, fmt.Errorf("%s cannot sign for %s: it was made by another program; name another directory", certPath, host)
		}
	}
	if time.Until(pair.Leaf.NotAfter) < renewBefore {
		if err := os.Remove(keyPath); err != nil {
			return nil, err
		}
		return makeAuthority(dir, certPath, keyPath, program, hosts)
	}
	return &authority{pair.Leaf, key, certPath, program, hosts}, nil
}

// checkOwn returns an error if there is a file that the program has not made:
// it must not be replaced.
func checkOwn(certPath, program string) error {
	text, err := os.ReadFile(certPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(text); block != nil {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.Subject.CommonName == subject(program) {
			return nil
		}
	}
	return fmt.Errorf("%s exists, and was not made by %s: name another directory, or remove it", certPath, program)
}

func subject(program string) string { return program + ", a fake on this machine" }

func makeAuthority(dir, certPath, keyPath, program string, hosts []string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: subject(program)},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         append([]string{"localhost"}, hosts...),
		PermittedIPRanges:           []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writeNew(keyPath, "PRIVATE KEY", secret); err != nil {
		return nil, err
	}
	if err := os.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	return &authority{cert, key, certPath, program, hosts}, nil
}

// writeNew writes a file that nobody else can read and that was not there.
func writeNew(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	return errors.Join(err, f.Close())
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n.Add(n, big.NewInt(1))
}

// config returns the server's side of TLS, with a certificate of its own for
// this run.
func (a *authority) config() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: a.program},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              append([]string{"localhost"}, a.hosts...),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}, nil
}

package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	connect := func(mode string) (*tls.Conn, *Server, error) {
		s := start(t, Config{TLS: mode})
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(s.CA()) || !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
			t.Fatalf("%s: no authority, or URL %s", mode, s.URL())
		}
		dialer := &net.Dialer{Timeout: patience}
		if mode == "stall" {
			dialer.Timeout = 300 * time.Millisecond
		}
		c, err := tls.DialWithDialer(dialer, "tcp", s.addr, &tls.Config{RootCAs: pool})
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
		return c, s, err
	}
	f := func(mode string, is func(error) bool) {
		t.Helper()
		_, s, err := connect(mode)
		if err == nil || !is(err) || s.Requests() != 0 {
			t.Errorf("%s: got %v", mode, err)
		}
	}
	f("expired", func(err error) bool {
		var invalid x509.CertificateInvalidError
		return errors.As(err, &invalid) && invalid.Reason == x509.Expired
	})
	f("wrong-host", func(err error) bool { return errors.As(err, new(x509.HostnameError)) })
	f("self-signed", func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) })
	f("tls10", func(err error) bool { return strings.Contains(err.Error(), "protocol version") })
	f("stall", func(err error) bool { var e net.Error; return errors.As(err, &e) && e.Timeout() })

	c, _, err := connect("valid")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, post("/v1/chat/completions", chatBody("sim-l0!latency=10ms,conn-close,split", ""))); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	has(t, string(got), "HTTP/1.1 200 OK\r\n", "[simulated sim-l0]")

	if _, err := Start(Config{TLS: "none"}); err == nil {
		t.Error("an unknown mode is taken")
	}
}

// The server speaks TLS 1.0 to those who want it, so that the fault is the version and nothing else.
func TestTLS_Old(t *testing.T) {
	s := start(t, Config{TLS: "tls10"})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	c, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v := c.ConnectionState().Version; v != tls.VersionTLS10 {
		t.Errorf("got version %x", v)
	}
}

// A stream cut under TLS ends like one without.
func TestTLS_Cut(t *testing.T) {
	s := start(t, Config{TLS: "valid"})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	c, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, post("/v1/chat/completions", chatBody("sim-l0!fin-mid-stream,framing=close", `,"stream":true`))); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || events(string(got)) == 0 || strings.Contains(string(got), "[DONE]") {
		t.Errorf("%v in %s", err, brief(string(got)))
	}
}

package upstream

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// A name server that does not answer costs less than a provider that does not.
func TestDialDeafNameServer(t *testing.T) {
	deaf, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	e := newEndpoint(t, "http://provider.test/v1", nil)
	e.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "udp", deaf.LocalAddr().String())
		if err == nil {
			t.Cleanup(func() { _ = c.Close() }) // the resolver would wait on
		}
		return c, err
	}}
	start := time.Now()
	_, _, err = get(e)
	if codeOf(err) != translate.ProviderUnavailable {
		t.Errorf("%v, want provider_unavailable", err)
	}
	if took := time.Since(start); took < maxResolve || took > maxResolve+700*time.Millisecond {
		t.Errorf("gave up after %v, want %v", took, maxResolve)
	}
}

func TestDialUnknownName(t *testing.T) {
	e := newEndpoint(t, "http://does-not-exist.invalid/v1", nil)
	if _, _, err := get(e); codeOf(err) != translate.ProviderUnavailable {
		t.Errorf("%v, want provider_unavailable", err)
	}
}

package redis

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	goredis "github.com/redis/go-redis/v9"
)

func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock")
	testservice.Redis(t, "--unixsocket", socket)
	checkUp(t, openUp(t, "unix://"+socket+"?db=3"))
}

func TestTLS(t *testing.T) {
	addr := tlsFront(t, testservice.Redis(t).Addr())
	checkUp(t, openUp(t, "rediss://"+addr+"?skip_verify=true"))
	s := open(t, "rediss://"+addr)
	eventually(t, "it is refused", func() bool { return s.Stats().Errors["network"] > 0 })
	if s.State() != "down" {
		t.Error("connected with a certificate that nobody signed")
	}
}

// tlsFront terminates TLS before a server.
func tlsFront(t *testing.T, backend string) string {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", backend)
			if err != nil {
				front.Close()
				continue
			}
			conns.Go(func() { _, _ = io.Copy(back, front); back.Close() })
			conns.Go(func() { _, _ = io.Copy(front, back); front.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

func TestCluster(t *testing.T) {
	a := testservice.Redis(t, "--cluster-enabled", "yes")
	b := testservice.Redis(t, "--cluster-enabled", "yes")
	ra, rb := raw(t, a), raw(t, b)
	host, port, _ := net.SplitHostPort(b.Addr())
	for _, err := range []error{
		ra.ClusterAddSlotsRange(ctx, 0, 8191).Err(),
		rb.ClusterAddSlotsRange(ctx, 8192, 16383).Err(),
		rb.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", 2).Err(),
		ra.ClusterMeet(ctx, host, port).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*goredis.Client{ra, rb} {
		eventually(t, "the cluster is complete", func() bool {
			info := r.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	for _, url := range []string{a.URL() + "?cluster=true", "redis://" + a.Addr() + "?addr=" + b.Addr()} {
		s := openUp(t, url)
		for i := range byte(50) {
			put(t, s, cache.Key{i}, entry("{}"))
			if get(t, s, model, cache.Key{i}) == nil {
				t.Error("an entry is gone")
			}
		}
	}
	if na, nb := ra.DBSize(ctx).Val(), rb.DBSize(ctx).Val(); na == 0 || nb == 0 || na+nb != 50 {
		t.Errorf("%d and %d keys", na, nb)
	}
	// A client that does not know of the cluster is told so.
	s := openUp(t, a.URL())
	for i := range byte(50) {
		_, _ = s.Get(ctx, model, cache.Key{i})
	}
	if got := s.Stats(); got.Errors["moved"] == 0 || got.Hits == 0 {
		t.Errorf("%+v", got)
	}
}

func TestSentinel(t *testing.T) {
	master := testservice.Redis(t)
	sentinel := startSentinel(t, master.Addr())
	s := openUp(t, "redis://"+sentinel+"?master_name=m")
	checkUp(t, s)
	if raw(t, master).DBSize(ctx).Val() != 1 {
		t.Error("the entry is not in the master")
	}
}

// startSentinel starts a Sentinel that watches one master as "m".
func startSentinel(t *testing.T, master string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\nsentinel monitor m %s 1\n", port, strings.Replace(master, ":", " ", 1))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", config, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	c := goredis.NewSentinelClient(&goredis.Options{Addr: addr})
	defer c.Close()
	eventually(t, "the Sentinel answers", func() bool { return c.GetMasterAddrByName(ctx, "m").Err() == nil })
	return addr
}

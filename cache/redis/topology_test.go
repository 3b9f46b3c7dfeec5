package redis

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
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
	c := testservice.NewRedisCluster(t, 1)
	s := openUp(t, c.URL())
	t.Run("cache", func(t *testing.T) { testClusterCache(t, c, s) })
	t.Run("hot", func(t *testing.T) { testTier(t, s.Hot()) })
	t.Run("migration", func(t *testing.T) { testMigration(t, c, s.Hot()) })
	t.Run("failover", func(t *testing.T) { testClusterFailover(t, c, s.Hot()) })
}

func testClusterCache(t *testing.T, c *testservice.RedisCluster, s *Store) {
	one := openUp(t, c.Nodes[0].URL()+"?cluster=true") // it learns of the others
	for i := range byte(50) {
		put(t, s, cache.Key{i}, entry("{}"))
		if get(t, one, model, cache.Key{i}) == nil {
			t.Error("an entry is gone")
		}
	}
	var total int64
	for _, node := range c.Nodes[:3] {
		n := raw(t, node).DBSize(ctx).Val()
		if n == 0 {
			t.Error("a master has nothing")
		}
		total += n
	}
	if total != 50 {
		t.Errorf("%d keys", total)
	}
	// A client that does not know of the cluster is told so.
	plain := openUp(t, c.Nodes[0].URL())
	for i := range byte(50) {
		_, _ = plain.Get(ctx, model, cache.Key{i})
	}
	if got := plain.Stats(); got.Errors["moved"] == 0 || got.Hits == 0 {
		t.Errorf("%+v", got)
	}
}

// owner returns which of the masters has a slot.
func owner(t *testing.T, c *testservice.RedisCluster, slot int64) int {
	for _, shard := range raw(t, c.Nodes[0]).ClusterShards(ctx).Val() {
		for _, r := range shard.Slots {
			if r.Start > slot || slot > r.End {
				continue
			}
			for i, node := range c.Nodes {
				if slices.ContainsFunc(shard.Nodes, func(n goredis.Node) bool {
					return n.Role == "master" && strings.HasSuffix(node.Addr(), fmt.Sprintf(":%d", n.Port))
				}) {
					return i
				}
			}
		}
	}
	t.Fatalf("nobody has slot %d", slot)
	return 0
}

// testMigration moves a conversation to another master, one key after the
// other, while it is used.
func testMigration(t *testing.T, c *testservice.RedisCluster, h *Hot) {
	k := cache.ConversationKeys("acme", "moving")
	keys := []string{k.Summary, k.Messages, k.Todos}
	version := int64(0)
	use := func() {
		t.Helper()
		if version > 0 {
			for _, got := range getHot(t, h, keys...) {
				if got.Version != version || string(got.Value) != got.Key {
					t.Errorf("got %v, want version %d", got, version)
				}
			}
		}
		version++
		for _, key := range keys {
			setHot(t, h, item(key, version, key))
		}
		setHot(t, h, item(keys[0], version-1, "older"), item(keys[1], version-1, "older"), item(keys[2], version-1, "older"))
	}
	slot := raw(t, c.Nodes[0]).ClusterKeySlot(ctx, k.Summary).Val()
	from := owner(t, c, slot)
	to := (from + 1) % 3
	source, target := raw(t, c.Nodes[from]), raw(t, c.Nodes[to])
	host, port, _ := net.SplitHostPort(c.Nodes[to].Addr())
	do := func(r *goredis.Client, args ...any) {
		t.Helper()
		if err := r.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
		use()
	}
	use()
	do(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.ClusterMyID(ctx).Val())
	do(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.ClusterMyID(ctx).Val())
	for _, key := range keys {
		do(source, "MIGRATE", host, port, key, 0, 5000)
	}
	for _, r := range []*goredis.Client{target, source, raw(t, c.Nodes[(from+2)%3])} {
		do(r, "CLUSTER", "SETSLOT", slot, "NODE", target.ClusterMyID(ctx).Val())
	}
	use()
	if n := len(target.ClusterGetKeysInSlot(ctx, int(slot), 10).Val()); n != 3 {
		t.Errorf("%d keys have moved", n)
	}
}

// testClusterFailover stops a master. Its conversations come back with the
// replica that takes its place; the others stay.
func testClusterFailover(t *testing.T, c *testservice.RedisCluster, h *Hot) {
	key := cache.ConversationKeys("acme", "failover").Summary
	setHot(t, h, item(key, 1, "before"))
	c.Nodes[owner(t, c, raw(t, c.Nodes[0]).ClusterKeySlot(ctx, key).Val())].Stop()
	eventually(t, "an item is taken", func() bool { return h.Set(ctx, item(key, 2, "after")) == nil })
	checkHot(t, h, key, 2, "after")
}

func TestSentinel(t *testing.T) {
	sentinel := testservice.NewRedisSentinel(t)
	s := openUp(t, sentinel.URL())
	h := s.Hot()
	testTier(t, h)
	r := raw(t, sentinel.Master)
	r.FlushAll(ctx)
	checkUp(t, s)
	checkHotUp(t, h, "{k}")
	if n := r.DBSize(ctx).Val(); n != 2 {
		t.Errorf("the master has %d keys", n)
	}
	r.Wait(ctx, 1, slow)
	sentinel.Master.Stop()
	eventually(t, "an item is taken", func() bool { return h.Set(ctx, item("{k}", 2, "after")) == nil })
	checkHot(t, h, "{k}", 2, "after")
	if n := raw(t, sentinel.Replica).Exists(ctx, "{k}").Val(); n != 1 {
		t.Error("the item is not in the new master")
	}
	checkUp(t, s)
}

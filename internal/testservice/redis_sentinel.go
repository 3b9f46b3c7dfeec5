package testservice

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// RedisSentinel is a Sentinel that watches a master with one replica. A master
// that is gone for half a second is replaced.
type RedisSentinel struct {
	Master, Replica *RedisServer

	addr string
}

// NewRedisSentinel starts all three, and returns when the Sentinel knows of
// the replica and that has synchronized.
func NewRedisSentinel(t testing.TB) *RedisSentinel {
	t.Helper()
	master := Redis(t, "--repl-diskless-sync-delay", "0")
	replica := Redis(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	replica.waitForSync()
	s := &RedisSentinel{Master: master, Replica: replica}
	for range portAttempts {
		sentinel := &RedisServer{t: t, port: freePort(t)}
		config := filepath.Join(t.TempDir(), "sentinel.conf") // which it writes to
		if err := os.WriteFile(config, sentinelConfig(sentinel.port, master.port), 0o600); err != nil {
			t.Fatal(err)
		}
		proc, err := startProcess(master.path, []string{config, "--sentinel"}, "+monitor master")
		if err != nil {
			t.Log(err)
			continue
		}
		t.Cleanup(proc.kill)
		waitFor(t, "a Sentinel that knows the replica", func() bool {
			return strings.Contains(sentinel.command("sentinel", "replicas", "m"), "master-link-status\nok")
		})
		s.addr = sentinel.Addr()
		return s
	}
	t.Fatal("cannot start a Sentinel")
	return nil
}

// URL returns the Sentinel's address and its master's name as
// redis://host:port?master_name=m.
func (s *RedisSentinel) URL() string { return "redis://" + s.addr + "?master_name=m" }

func sentinelConfig(port, master int) []byte {
	return fmt.Appendf(nil, `bind 127.0.0.1
port %d
sentinel monitor m 127.0.0.1 %d 1
sentinel down-after-milliseconds m 500
sentinel failover-timeout m 3000
`, port, master)
}

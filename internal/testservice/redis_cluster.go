package testservice

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisCluster is a Redis Cluster of three masters, and their replicas.
type RedisCluster struct {
	// Nodes begin with the three masters.
	Nodes []*RedisServer
}

// NewRedisCluster starts a cluster in which each master has that many
// replicas, and returns when all nodes agree that it is complete. A master
// that is gone for a second is replaced.
func NewRedisCluster(t testing.TB, replicas int) *RedisCluster {
	t.Helper()
	c := &RedisCluster{}
	create := []string{"--cluster", "create"}
	for range 3 * (1 + replicas) {
		node := Redis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")
		c.Nodes = append(c.Nodes, node)
		create = append(create, node.Addr())
	}
	redisCLI(t, append(create, "--cluster-replicas", strconv.Itoa(replicas), "--cluster-yes")...)
	for _, node := range c.Nodes {
		waitFor(t, "a complete cluster", func() bool {
			info := node.command("cluster", "info")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_size:3")
		})
	}
	for _, node := range c.Nodes[3:] {
		node.waitForSync()
	}
	return c
}

// URL names all nodes as redis://host:port?cluster=true&addr=host:port&...
func (c *RedisCluster) URL() string {
	text := "redis://" + c.Nodes[0].Addr() + "?cluster=true"
	for _, node := range c.Nodes[1:] {
		text += "&addr=" + node.Addr()
	}
	return text
}

// command returns what redis-cli prints; nothing when the server is away.
func (s *RedisServer) command(args ...string) string {
	out, _ := exec.Command(program(s.t, "redis-cli", "redis-tools"), append([]string{"-p", strconv.Itoa(s.port)}, args...)...).Output()
	return string(out)
}

// waitForSync returns when a replica has all that its master has.
func (s *RedisServer) waitForSync() {
	s.t.Helper()
	waitFor(s.t, "a replica in sync", func() bool {
		return strings.Contains(s.command("info", "replication"), "master_link_status:up")
	})
}

func redisCLI(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command(program(t, "redis-cli", "redis-tools"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startTimeout); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

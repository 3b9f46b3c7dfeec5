package testservice

import (
	"strings"
	"testing"
)

func TestRedisClusterServesAllSlots(t *testing.T) {
	c := NewRedisCluster(t, 1)
	if len(c.Nodes) != 6 || strings.Count(c.URL(), "addr=") != 5 {
		t.Errorf("%d nodes at %s", len(c.Nodes), c.URL())
	}
	for i, node := range c.Nodes {
		master := strings.Contains(node.command("role"), "master")
		if master != (i < 3) {
			t.Errorf("node %d: master is %v", i, master)
		}
		if got := node.command("-c", "set", "k", "v"); got != "OK\n" {
			t.Errorf("SET answered %q", got)
		}
	}
}

func TestRedisSentinelReplacesTheMaster(t *testing.T) {
	s := NewRedisSentinel(t)
	if got := s.Master.command("set", "k", "v"); got != "OK\n" {
		t.Errorf("SET answered %q", got)
	}
	if got := s.Replica.command("set", "k", "v"); !strings.HasPrefix(got, "READONLY") {
		t.Errorf("SET answered %q", got)
	}
	s.Master.Stop()
	waitFor(t, "a new master", func() bool { return strings.Contains(s.Replica.command("role"), "master") })
}

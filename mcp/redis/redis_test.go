package redis_test

import (
	"fmt"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/ai-mcp-gateway/gateway/mcp/redis"
	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTools(t *testing.T) {
	server := testservice.Redis(t)
	keys, err := redis.Open(server.URL(), "mcp[*]:")
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer admin.Close()
	for _, key := range []string{"secret", "mcp[*]:other:secret", "mcpX:default:secret", "mcp*:default:secret"} {
		if err := admin.Set(t.Context(), key, "secret", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s := tooltest.New(t, keys.Tools(true))
	var got struct {
		OK         bool
		Value      *string
		TTL        *float64
		Type       string
		Keys       []string
		NextCursor *uint64
	}
	s.OK("redis_set", `{"key":"a\r\nFLUSHALL\r\n","value":"one","expiration":100}`, &got)
	s.OK("redis_get", `{"key":"a\r\nFLUSHALL\r\n"}`, &got)
	if !got.OK || got.Value == nil || *got.Value != "one" {
		t.Errorf("%+v", got)
	}
	if v, err := admin.Get(t.Context(), "mcp[*]:default:a\r\nFLUSHALL\r\n").Result(); err != nil || v != "one" {
		t.Errorf("where it is: %q, %v", v, err)
	}
	s.OK("redis_ttl", `{"key":"a\r\nFLUSHALL\r\n"}`, &got)
	s.OK("redis_type", `{"key":"a\r\nFLUSHALL\r\n"}`, &got)
	if got.TTL == nil || *got.TTL > 100 || *got.TTL < 1 || got.Type != "string" {
		t.Errorf("%+v", got)
	}
	for _, pattern := range []string{"*", "a*", "", "[a]*", "*?"} {
		got.Keys = nil
		s.OK("redis_scan", tooltest.JSON(t, map[string]any{"pattern": pattern, "count": 1000}), &got)
		if fmt.Sprintf("%q", got.Keys) != `["a\r\nFLUSHALL\r\n"]` || got.NextCursor != nil {
			t.Errorf("%q: %q", pattern, got.Keys)
		}
	}
	for _, key := range []string{"../secret", "secret", ":other:secret", "../../secret", "*"} {
		r := s.Call("redis_get", tooltest.JSON(t, map[string]string{"key": key}))
		if strings.Contains(tooltest.Text(r), "secret") && !r.Failed && !strings.Contains(string(r.Structured), "null") {
			t.Errorf("%q: %s", key, tooltest.Text(r))
		}
		s.Call("redis_del", tooltest.JSON(t, map[string]string{"key": key}))
	}
	if n, err := admin.DBSize(t.Context()).Result(); err != nil || n != 5 {
		t.Errorf("there are %d keys, %v", n, err)
	}
	if err := admin.LPush(t.Context(), "mcp[*]:default:list", "x").Err(); err != nil {
		t.Fatal(err)
	}
	s.Refused("redis_get", `{"key":"list"}`, "another type")
	s.OK("redis_expire", `{"key":"list","seconds":50}`, &got)
	s.OK("redis_del", `{"key":"list"}`, &got)
	if !got.OK {
		t.Errorf("%+v", got)
	}
	server.Stop()
	s.Refused("redis_get", `{"key":"a"}`, "is away or has failed")
}

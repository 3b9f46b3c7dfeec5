// Package redis is the tools for keys of a Redis, below a prefix of each
// tenant's. Eight commands can be reached; keys and values are arguments of
// them, and never text of the protocol.
package redis

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	within = 5 * time.Second
	// maxValue is the longest value that is read or written, in bytes.
	maxValue = 1 << 20
)

// Keys are the tools' part of a Redis.
type Keys struct {
	client redis.UniversalClient
	prefix string
}

// Open returns the keys below prefix, at a URL. It connects when it is used.
func Open(url, prefix string) (*Keys, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the URL of the MCP tools' Redis cannot be read") // the error may have its password
	}
	options.MaxRetries, options.PoolSize = 1, 10
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = within, within, within
	return &Keys{redis.NewClient(options), prefix}, nil
}

// Close closes the connections.
func (k *Keys) Close() { _ = k.client.Close() }

// Tools returns the tools that read and, with write, those that change.
func (k *Keys) Tools(write bool) []*tool.Tool {
	list := []*tool.Tool{
		tool.New(tool.Tool{
			Name: "redis_get", Title: "Get a key", Hints: tool.Reads,
			Description: "The text value of a key; null where there is none.",
		}, k.get),
		tool.New(tool.Tool{
			Name: "redis_scan", Title: "List keys", Hints: tool.Reads,
			Description: "A part of the keys that match a pattern. Go on with nextCursor until it is gone; a part may be empty.",
		}, k.scan),
		tool.New(tool.Tool{
			Name: "redis_type", Title: "Type of a key", Hints: tool.Reads,
			Description: "The type of a key's value; none where there is no key.",
		}, k.kind),
		tool.New(tool.Tool{
			Name: "redis_ttl", Title: "Time to live", Hints: tool.Reads,
			Description: "Seconds until a key expires; null when it does not, or is not there.",
		}, k.ttl),
	}
	if write {
		again := tool.Hints{Destructive: true, Idempotent: true}
		list = append(list,
			tool.New(tool.Tool{
				Name: "redis_set", Title: "Set a key", Hints: again,
				Description: "Set a key to a text value, with an expiration in seconds if wanted.",
			}, k.set),
			tool.New(tool.Tool{
				Name: "redis_del", Title: "Delete a key", Hints: again,
				Description: "Delete a key.",
			}, k.del),
			tool.New(tool.Tool{
				Name: "redis_expire", Title: "Let a key expire", Hints: again,
				Description: "Let a key expire in some seconds.",
			}, k.expire))
	}
	return list
}

// below is the prefix of a caller's keys.
func (k *Keys) below(c *tool.Call) string { return k.prefix + c.Caller.Tenant + ":" }

type keyIn struct {
	Key string `json:"key" min:"1" max:"1000"`
}

type getOut struct {
	Value *string `json:"value"`
}

func (k *Keys) get(ctx context.Context, c *tool.Call, in *keyIn) (*getOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	key := k.below(c) + in.Key
	n, err := k.client.StrLen(ctx, key).Result()
	switch {
	case err != nil:
		return nil, refusal(err)
	case n > maxValue:
		return nil, tool.Errorf("The value is %d bytes long; %d is the most that is read.", n, maxValue)
	}
	value, err := k.client.Get(ctx, key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return &getOut{}, nil
	case err != nil:
		return nil, refusal(err)
	case !utf8.ValidString(value):
		return nil, tool.Errorf("The value is no text.")
	}
	return &getOut{&value}, nil
}

type scanIn struct {
	Pattern string `json:"pattern,omitempty" max:"1000" default:"*"`
	Count   int64  `json:"count,omitempty" min:"1" max:"1000" default:"100"`
	Cursor  uint64 `json:"cursor,omitempty" doc:"nextCursor of the part before"`
}

type scanOut struct {
	Keys       []string `json:"keys"`
	NextCursor *uint64  `json:"nextCursor" doc:"null: that was all"`
}

// globbing are the characters that a pattern of Redis' gives a meaning to.
var globbing = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

func (k *Keys) scan(ctx context.Context, c *tool.Call, in *scanIn) (*scanOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if in.Pattern == "" {
		in.Pattern = "*"
	}
	if in.Count == 0 {
		in.Count = 100
	}
	keys, next, err := k.client.Scan(ctx, in.Cursor, globbing.Replace(k.below(c))+in.Pattern, in.Count).Result()
	if err != nil {
		return nil, refusal(err)
	}
	out := &scanOut{Keys: []string{}}
	for _, key := range keys {
		if name, ok := strings.CutPrefix(key, k.below(c)); ok {
			out.Keys = append(out.Keys, strings.ToValidUTF8(name, "\uFFFD"))
		}
	}
	if next != 0 {
		out.NextCursor = &next
	}
	return out, nil
}

type typeOut struct {
	Type string `json:"type"`
}

func (k *Keys) kind(ctx context.Context, c *tool.Call, in *keyIn) (*typeOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	kind, err := k.client.Type(ctx, k.below(c)+in.Key).Result()
	if err != nil {
		return nil, refusal(err)
	}
	return &typeOut{kind}, nil
}

type ttlOut struct {
	TTL *float64 `json:"ttl"`
}

func (k *Keys) ttl(ctx context.Context, c *tool.Call, in *keyIn) (*ttlOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	left, err := k.client.PTTL(ctx, k.below(c)+in.Key).Result()
	if err != nil {
		return nil, refusal(err)
	}
	if left < 0 {
		return &ttlOut{}, nil
	}
	seconds := left.Seconds()
	return &ttlOut{&seconds}, nil
}

type setIn struct {
	Key        string `json:"key" min:"1" max:"1000"`
	Value      string `json:"value" max:"1048576"`
	Expiration int64  `json:"expiration,omitempty" min:"1" max:"315360000" doc:"seconds; never without it"`
}

type okOut struct {
	OK bool `json:"ok"`
}

func (k *Keys) set(ctx context.Context, c *tool.Call, in *setIn) (*okOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if len(in.Value) > maxValue {
		return nil, tool.Errorf("The value is %d bytes long; %d is the most.", len(in.Value), maxValue)
	}
	if err := k.client.Set(ctx, k.below(c)+in.Key, in.Value, time.Duration(in.Expiration)*time.Second).Err(); err != nil {
		return nil, refusal(err)
	}
	return &okOut{true}, nil
}

func (k *Keys) del(ctx context.Context, c *tool.Call, in *keyIn) (*okOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	n, err := k.client.Del(ctx, k.below(c)+in.Key).Result()
	if err != nil {
		return nil, refusal(err)
	}
	return &okOut{n == 1}, nil
}

type expireIn struct {
	Key     string `json:"key" min:"1" max:"1000"`
	Seconds int64  `json:"seconds" min:"1" max:"315360000"`
}

func (k *Keys) expire(ctx context.Context, c *tool.Call, in *expireIn) (*okOut, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	done, err := k.client.Expire(ctx, k.below(c)+in.Key, time.Duration(in.Seconds)*time.Second).Result()
	if err != nil {
		return nil, refusal(err)
	}
	return &okOut{done}, nil
}

// refusal tells a client what Redis says of its key; that it is away is no
// word of Redis'.
func refusal(err error) error {
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return tool.Errorf("The key holds another type than text: redis_type tells which.")
	}
	return err
}

// Package redis is what instances share: the response cache and the hot tier
// of conversations. It is never more than an accelerator: whatever is wrong
// with Redis, a call finds nothing, in at most operationTimeout, and in no time
// once that has happened a few times.
//
// An answer is under "llm:cache:<model>:<key in hex>", whatever its form,
// until it expires; the value is described at appendValue. The state of a
// conversation is under the keys of cache.ConversationKeys; the values are
// described at appendHot.
package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// operationTimeout is what a call may lose to Redis.
	operationTimeout = 50 * time.Millisecond
	// poolTimeout is what it may lose of that waiting for a connection.
	poolTimeout = operationTimeout / 2
	// writeTimeout bounds a batch of writes, for which nobody waits.
	writeTimeout = 500 * time.Millisecond
	// dialTimeout bounds a connect, for which no call waits longer than
	// operationTimeout.
	dialTimeout = time.Second
	// poolSize is how many connections there are at most, to each node.
	poolSize = 10

	keyPrefix = "llm:cache:"
)

// Config is the shared tier.
type Config struct {
	// URL names the servers:
	//
	//	redis://[user:password@]host[:6379][/db]             one server
	//	rediss://...                                         the same, in TLS
	//	unix:///path/to/socket[?db=1]                        one server
	//	redis://host:26379/db?master_name=m&addr=host2:26379 Sentinels
	//	redis://host:6379?addr=host2:6379                    nodes of a cluster
	//	redis://host:6379?cluster=true                       one node of a cluster
	//
	// User and password are those of the servers with the data; Sentinels'
	// own are sentinel_username and sentinel_password in the query. With
	// rediss, skip_verify=true accepts any certificate.
	URL string
}

// Store is the response cache, and has the connections of the hot tier. Its
// methods may be called at any time from any goroutine.
type Store struct {
	client  goredis.UniversalClient
	codec   *codec
	breaker breaker
	// failed: a call found a server down since the last tick; refused: one
	// that takes no writes.
	failed, refused atomic.Bool

	queue       chan write
	queuedBytes atomic.Int64
	cancel      context.CancelFunc // ends run
	stopped     chan struct{}

	hits, misses, stored, dropped, corrupt atomic.Uint64
	errors                                 [classes]atomic.Uint64

	hot Hot
}

// Stats is what a Store did since it was opened.
type Stats struct {
	Hits, Misses uint64
	// Stored are the answers that Redis took, Dropped those that it did not:
	// it was down, too slow or out of memory, or they were too large.
	Stored, Dropped uint64
	// Corrupt are the values that could not be read and were deleted.
	Corrupt uint64
	// Errors counts failures by class: timeout, network, busy (no connection
	// was free), auth, loading, readonly, moved, oom, wrongtype, other.
	Errors map[string]uint64
}

// Open returns a Store, connected if Redis answers soon, and otherwise as soon
// as it does. The only error is a URL that can't be read, and it does not
// quote the URL, which may have a password.
func Open(c Config) (*Store, error) {
	options, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	// go-redis prints to standard error what we count, and does so for every
	// client there is.
	logging.Disable()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{
		client:  goredis.NewUniversalClient(withLimits(options)),
		codec:   newCodec(),
		queue:   make(chan write, maxQueued),
		cancel:  cancel,
		stopped: make(chan struct{}),
	}
	s.hot.store = s
	s.breaker.open.Store(true) // until the first probe
	probed := make(chan struct{})
	go s.run(ctx, probed)
	select {
	case <-probed:
	case <-time.After(operationTimeout):
	}
	return s, nil
}

// withLimits adds what every kind of client has in common.
func withLimits(o *goredis.UniversalOptions) *goredis.UniversalOptions {
	o.Protocol = 2
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.ContextTimeoutEnabled = true
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	o.ReadTimeout, o.WriteTimeout = writeTimeout, writeTimeout // calls have a shorter one in their context
	o.MaxRetries = -1                                          // a cache that is asked twice is slower than none
	o.MinRetryBackoff, o.MaxRetryBackoff = -1, -1              // what has moved in a cluster is asked for at once
	o.PoolSize, o.PoolTimeout, o.PipelinePoolSize = poolSize, poolTimeout, -1
	return o
}

// Get returns the answer stored for k, in the form in which it was stored, and
// nil if there is none. An error says why Redis did not tell; it is counted
// here, and otherwise means as much as a nil entry.
func (s *Store) Get(ctx context.Context, model string, k cache.Key) (*cache.Entry, error) {
	if s.breaker.open.Load() {
		return nil, errDown // allocates nothing
	}
	e, err := s.fetch(ctx, redisKey(model, k), k)
	if err != nil {
		return nil, err
	}
	if e == nil || !time.Now().Before(e.Expires) {
		s.misses.Add(1)
		return nil, nil
	}
	s.hits.Add(1)
	return e, nil
}

// fetch returns the entry that Redis has under key, the one for k.
func (s *Store) fetch(ctx context.Context, key string, k cache.Key) (*cache.Entry, error) {
	opCtx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	// GETRANGE bounds what a value that is not ours can cost.
	value, err := s.client.GetRange(opCtx, key, 0, maxValue).Bytes()
	if err != nil {
		if ctx.Err() == nil && s.report(err) == wrongtype {
			s.discard(key)
		}
		return nil, err
	}
	s.breaker.succeeded()
	if len(value) == 0 {
		return nil, nil
	}
	e, err := s.codec.decode(value, &k)
	if err != nil {
		s.corrupt.Add(1)
		s.discard(key)
	}
	return e, err
}

var errDown = errors.New("redis is down")

// Put stores e in the background, in place of an entry of either form. It
// keeps e until then, and never waits: what is too much is dropped.
func (s *Store) Put(model string, k cache.Key, e *cache.Entry) {
	if s.breaker.open.Load() || len(e.Body) > maxBody {
		s.dropped.Add(1)
		return
	}
	if !s.enqueue(write{key: redisKey(model, k), hash: k, entry: e}) {
		s.dropped.Add(1)
	}
}

// State is "connected" or "down".
func (s *Store) State() string {
	if s.breaker.open.Load() {
		return "down"
	}
	return "connected"
}

// Stats adds up what happened so far.
func (s *Store) Stats() Stats {
	t := Stats{
		Hits: s.hits.Load(), Misses: s.misses.Load(), Stored: s.stored.Load(),
		Dropped: s.dropped.Load(), Corrupt: s.corrupt.Load(),
		Errors: make(map[string]uint64, classes),
	}
	for c := range s.errors {
		t.Errors[class(c).String()] = s.errors[c].Load()
	}
	return t
}

// Close writes what is queued, if Redis takes it soon, and ends every
// connection. It is called once; what is put after it is lost.
func (s *Store) Close() {
	s.cancel()
	select {
	case <-s.stopped:
	case <-time.After(2 * writeTimeout):
	}
	_ = s.client.Close() // also ends what the writer is still waiting for
	<-s.stopped
	s.codec.close()
}

// report counts an error and tells the breaker.
func (s *Store) report(err error) class {
	c := classify(err)
	s.errors[c].Add(1)
	if c.down() {
		s.breaker.failed()
		s.failed.Store(true)
	}
	if c == readonly {
		s.refused.Store(true)
	}
	return c
}

// writable reports whether to try a write. One that is refused costs its
// connection, since there may be another master now, and readers need those
// too: it is tried once in a while.
func (s *Store) writable() bool { return !s.breaker.open.Load() && !s.refused.Load() }

func redisKey(model string, k cache.Key) string {
	key := make([]byte, 0, len(keyPrefix)+len(model)+1+2*len(k))
	key = append(key, keyPrefix...)
	key = append(key, model...)
	key = append(key, ':')
	return string(hex.AppendEncode(key, k[:]))
}

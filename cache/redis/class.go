package redis

import (
	"context"
	"errors"
	"net"

	goredis "github.com/redis/go-redis/v9"
)

// class is a kind of failure.
type class int

const (
	other class = iota
	timeout
	network
	busy // no connection was free, and none could be made
	auth
	loading
	readonly
	moved
	oom
	wrongtype
	classes
)

var classNames = [classes]string{
	"other", "timeout", "network", "busy", "auth", "loading", "readonly", "moved", "oom", "wrongtype",
}

func (c class) String() string { return classNames[c] }

// down reports whether a failure of the class says that Redis can't be used.
// A server that refuses writes can still be read.
func (c class) down() bool { return c == timeout || c == network || c == auth || c == loading }

// prefixes of Redis's error replies.
// https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
var prefixes = []struct {
	text  string
	class class
}{
	{"READONLY", readonly},
	{"MISCONF", readonly},
	{"NOREPLICAS", readonly},
	{"MOVED", moved},
	{"ASK", moved},
	{"CLUSTERDOWN", moved},
	{"TRYAGAIN", moved},
	{"LOADING", loading},
	{"BUSY", loading},
	{"MASTERDOWN", loading},
	{"NOAUTH", auth},
	{"WRONGPASS", auth},
	{"NOPERM", auth},
	{"invalid password", auth},
	{"max number of clients", busy},
	{"OOM", oom},
	{"WRONGTYPE", wrongtype},
}

func classify(err error) class {
	var reply goredis.Error
	if errors.As(err, &reply) {
		for _, p := range prefixes {
			if goredis.HasErrorPrefix(err, p.text) {
				return p.class
			}
		}
		return other
	}
	var netErr net.Error
	switch {
	case errors.Is(err, goredis.ErrPoolTimeout), errors.Is(err, goredis.ErrPoolExhausted), errors.Is(err, errManyDials):
		return busy
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return timeout
	}
	return network
}

// Package fetch gets the images and documents that callers name by URL, for
// providers that take bytes only.
//
// A URL is a caller's word, and whoever sent it must not reach what only the
// gateway can: so the address is judged that is dialled, not the one that a
// name had a moment before; each redirect is judged like the first URL; there
// are no proxies, cookies, credentials or kept connections; and size, time,
// number and type are bounded.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxURLs and maxTotal bound what one request may ask for.
	maxURLs  = 20
	maxTotal = 32 << 20
	// atOnce is how many URLs of a request are fetched at the same time, and
	// allAtOnce of all requests.
	atOnce    = 4
	allAtOnce = 64

	maxRedirects = 3
	maxHeader    = 32 << 10
	// connectTimeout bounds name resolution and TCP, and then TLS.
	connectTimeout = 3 * time.Second
)

// Fetcher fetches within the bounds of a configuration. It keeps nothing open
// between calls and is safe for concurrent use.
type Fetcher struct {
	config    Config
	networks  networks
	total     int64 // the most bytes of all files of a request
	slots     chan struct{}
	dialer    net.Dialer
	transport http.Transport
}

// New returns a fetcher. roots verify servers' certificates; nil takes the
// system's.
func New(cfg Config, roots *x509.CertPool) (*Fetcher, error) {
	f := &Fetcher{config: cfg.withDefaults(), total: maxTotal, slots: make(chan struct{}, allAtOnce)}
	var err error
	if f.networks, err = parseNetworks(cfg.Networks); err != nil {
		return nil, fmt.Errorf("cannot read fetch.networks: %w", err)
	}
	f.dialer = net.Dialer{Timeout: connectTimeout, KeepAlive: -1, ControlContext: f.control}
	f.transport = http.Transport{
		DialContext:            f.dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		DisableKeepAlives:      true, // else a connection could outlive the rules that it was made under
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              new(http.Protocols),
	}
	f.transport.Protocols.SetHTTP1(true)
	return f, nil
}

// control refuses addresses when their connection is about to be made: what
// the name has resolved to, and nothing that could still change.
func (f *Fetcher) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !f.mayDial(at.Addr()) || !f.mayUsePort(at.Port()) {
		return errAddress
	}
	return nil
}

// Media is what a URL is to lead to.
type Media uint8

// The media.
const (
	Image    Media = iota + 1 // png, jpeg, gif or webp
	Document                  // pdf
)

// Want is a URL with what it is to lead to.
type Want struct {
	URL   string
	Media Media
}

// File is what a URL has led to.
type File struct {
	// MIME is the type by the first bytes, such as "image/png".
	MIME string
	// Base64 are the bytes in the standard alphabet with padding.
	Base64 []byte
}

// All fetches every URL, or fails with an *Error for the first that it cannot
// get. It returns context.Canceled when ctx was cancelled before.
func (f *Fetcher) All(ctx context.Context, wants []Want) ([]File, error) {
	if len(wants) > maxURLs {
		return nil, &Error{Index: maxURLs, Class: TooMany}
	}
	for i := range wants { // nobody is asked when one of them is bad
		if _, err := f.parse(nil, wants[i].URL); err != nil {
			err.Index = i
			return nil, err
		}
	}
	inner, stop := context.WithTimeout(ctx, f.config.Timeout)
	defer stop()
	b := &batch{fetcher: f, wants: wants, files: make([]File, len(wants)), stop: stop}
	b.left.Store(f.total)
	var workers sync.WaitGroup
	for range min(atOnce, len(wants)) {
		workers.Go(func() { b.work(inner) })
	}
	workers.Wait()
	switch {
	case b.failed == nil:
		return b.files, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, context.Canceled
	default:
		return nil, b.failed
	}
}

// batch are the URLs of one request.
type batch struct {
	fetcher *Fetcher
	wants   []Want
	files   []File
	stop    context.CancelFunc
	next    atomic.Int64
	left    atomic.Int64 // bytes that may still come

	mu     sync.Mutex
	failed *Error // the first
}

// work fetches until there is nothing left or something has failed.
func (b *batch) work(ctx context.Context) {
	for {
		i := int(b.next.Add(1)) - 1
		if i >= len(b.wants) {
			return
		}
		file, err := b.one(ctx, &b.wants[i])
		if err != nil {
			err.Index = i
			b.fail(err)
			return
		}
		b.files[i] = file
	}
}

func (b *batch) fail(err *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = err
		b.stop()
	}
}

// one fetches one of the URLs when it is its turn among those of all requests.
func (b *batch) one(ctx context.Context, w *Want) (File, *Error) {
	slots := b.fetcher.slots
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return File{}, because(Timeout, ctx.Err())
	}
	return b.fetcher.get(ctx, w, &b.left)
}

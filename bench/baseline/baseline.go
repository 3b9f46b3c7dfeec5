// Package baseline has the bare servers that the gateway is measured against:
// what a proxy costs that has no features at all, and a reply that asks
// nobody.
package baseline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"
)

// connections is how many a proxy may have open to its upstream; the default
// of each library is less than the benchmark's clients.
const connections = 20_000

// FastHTTP serves a reverse proxy of fasthttp alone, towards the host:port of
// upstream, until the context ends: a HostClient whose answers the server
// writes as they are. A request that accepts an event stream gets the answer
// relayed while it comes; any other is read whole, which fasthttp does
// cheaper.
func FastHTTP(ctx context.Context, listen net.Listener, upstream string) error {
	client := &fasthttp.HostClient{
		Addr:                          upstream,
		MaxConns:                      connections,
		NoDefaultUserAgentHeader:      true,
		DisableHeaderNamesNormalizing: true,
		DisablePathNormalizing:        true,
	}
	server := fastServer(func(rc *fasthttp.RequestCtx) {
		rc.Response.StreamBody = bytes.Equal(rc.Request.Header.Peek("Accept"), []byte("text/event-stream"))
		if err := client.Do(&rc.Request, &rc.Response); err != nil {
			rc.Error(err.Error(), fasthttp.StatusBadGateway)
		}
	})
	server.DisableHeaderNamesNormalizing = true
	return serve(ctx, listen, server)
}

// Constant serves one JSON body for every request until the context ends.
func Constant(ctx context.Context, listen net.Listener, body []byte) error {
	return serve(ctx, listen, fastServer(func(rc *fasthttp.RequestCtx) {
		rc.Response.Header.SetContentType("application/json")
		rc.Response.SetBodyRaw(body)
	}))
}

// NetHTTP serves net/http's ReverseProxy towards the host:port of upstream
// until the context ends, flushing every write as streams need it.
func NetHTTP(ctx context.Context, listen net.Listener, upstream string) error {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: upstream})
		},
		Transport: &http.Transport{
			MaxIdleConns:        connections,
			MaxIdleConnsPerHost: connections,
			DisableCompression:  true,
		},
		FlushInterval: -1,
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The server closes the request's body when the answer begins, and the
		// transport, which may not have seen its end yet, then breaks off the
		// stream. Without this one stream in some hundreds is cut.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			panic("BUG: HTTP/1 has full duplex: " + err.Error())
		}
		proxy.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listen); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

func fastServer(handler fasthttp.RequestHandler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:               handler,
		NoDefaultServerHeader: true,
		MaxRequestBodySize:    32 << 20,
		Concurrency:           connections,
	}
}

// serve runs a server until the context ends.
func serve(ctx context.Context, listen net.Listener, server *fasthttp.Server) error {
	stop := context.AfterFunc(ctx, func() {
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.ShutdownWithContext(soon)
	})
	defer stop()
	return server.Serve(listen)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ai-mcp-gateway/gateway/bench/process"
)

// The servers that are measured.
const (
	direct         = "direct"            // the simulator itself, no proxy
	bareProxy      = "fasthttp"          // F: what everything is compared with
	netHTTP        = "nethttp"           // net/http's ReverseProxy
	constant       = "constant"          // fasthttp, one reply for everything
	nginxFile      = "nginx"             // a static file; only where nginx is installed
	gateway        = "gateway"           // all features on
	gatewayNoCache = "gateway, no cache" // all but the response cache
	gatewayDefault = "gateway, defaults" // no configuration at all
	// Two providers, one of which is slow now and then.
	gatewayHedging   = "gateway, hedging"
	gatewayNoHedging = "gateway, no hedging"
)

// clientKey is the key that every client sends and the gateway asks for.
const clientKey = "sk-bench-0123456789abcdefghijklmnopqrstuvwxyz"

// programs are the paths of what is started; nginx is empty where there is
// none.
type programs struct {
	self, gateway, nginx string
}

// isGateway says whether a system is the program under test.
func isGateway(system string) bool { return strings.HasPrefix(system, gateway) }

// spec says how to start a system so that it serves listen and asks upstream;
// body is what the servers without an upstream answer.
func (p programs) spec(system, dir, listen, upstream string, body []byte) (process.Spec, error) {
	s := process.Spec{Name: strings.ReplaceAll(system, ", ", "-"), Path: p.self, Dir: dir, Env: environment(dir)}
	var err error
	switch system {
	case bareProxy, netHTTP:
		s.Args = []string{"baseline", system, "-listen", listen, "-upstream", upstream}
	case constant:
		file := filepath.Join(dir, "body")
		err = os.WriteFile(file, body, 0o600)
		s.Args = []string{"baseline", system, "-listen", listen, "-body", file}
	case nginxFile:
		s.Path, s.Args = p.nginx, []string{"-p", dir, "-c", "nginx.conf", "-e", "stderr"}
		err = writeNginx(dir, listen, body)
	case gateway, gatewayNoCache:
		file := filepath.Join(dir, "gateway.yaml")
		err = os.WriteFile(file, gatewayConfig(dir, upstream, system == gateway), 0o600)
		s.Path, s.Args = p.gateway, []string{"serve"}
		s.Env = append(s.Env, "GATEWAY_CONFIG="+file, "GATEWAY_LISTEN="+listen)
	case gatewayHedging, gatewayNoHedging:
		file := filepath.Join(dir, "gateway.yaml")
		err = os.WriteFile(file, tailConfig(dir, upstream, system == gatewayHedging), 0o600)
		s.Path, s.Args = p.gateway, []string{"serve"}
		s.Env = append(s.Env, "GATEWAY_CONFIG="+file, "GATEWAY_LISTEN="+listen)
	case gatewayDefault:
		s.Path, s.Args = p.gateway, []string{"serve"}
		s.Env = append(s.Env, "GATEWAY_LISTEN="+listen, "GATEWAY_DATA_DIR="+filepath.Join(dir, "data"))
	default:
		panic("BUG: unknown system " + system)
	}
	return s, err
}

// simulator says how to start the simulated provider.
func (p programs) simulator(dir, listen, faults string) process.Spec {
	return process.Spec{
		Name: "simulator", Path: p.self, Dir: dir, Env: environment(dir),
		Args: []string{"simulator", "-listen", listen, "-faults", faults},
	}
}

// environment is what every server gets: nothing of the caller's, so that no
// key or address of theirs is used, and the same number of threads.
func environment(dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + dir,
		"TMPDIR=" + dir,
		fmt.Sprintf("GOMAXPROCS=%d", runtime.NumCPU()),
	}
}

// gatewayConfig is a configuration with all features on: a key that is asked
// for, a priced model that is looked up and routed, the cache or not.
func gatewayConfig(dir, upstream string, cached bool) []byte {
	return fmt.Appendf(nil, `data_dir: %s/data
keys:
  - {id: bench, key: %s, tenant: default, project: bench}
providers:
  simulated: {dialect: openai, base_url: "http://%s/v1", keys: [sk-upstream]}
models:
  simulated/%s: {price: {input: 1, output: 4}, context: 2000000}
  simulated/%s: {price: {input: 1, output: 4}, context: 2000000}
tiers:
  - {name: L0, models: [simulated/%[4]s]}
routing: {default_tier: L0, max_tier: L0}
cache:
  response: {enabled: %[6]t, memory: 16MiB} # full after the warm-up: measured is a cache that evicts
`, dir, clientKey, upstream, plainModel, streamModel, cached)
}

// writeNginx configures an nginx in the foreground with one process, which
// answers every request, POST too, with the body.
func writeNginx(dir, listen string, body []byte) error {
	config := fmt.Appendf(nil, `daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  open_file_cache max=16 inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;
  server {
    listen %s;
    root %s;
    error_page 405 =200 /body;
    location / { try_files /body =404; }
  }
}
`, listen, dir)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "body"), body, 0o600),
		os.WriteFile(filepath.Join(dir, "nginx.conf"), config, 0o600),
	)
}

// ports gives out loopback ports to listen on, each once. It keeps clear of
// the ports that the system gives to outgoing connections: one of those may
// be taken between here and the server's start.
type ports struct{ next int }

const firstPort, lastPort = 20_000, 32_000

// newPorts starts at a place of this process's own, since another run may be
// under way.
func newPorts() *ports { return &ports{next: os.Getpid() * 97} }

func (p *ports) free(ctx context.Context) (string, error) {
	for range lastPort - firstPort {
		p.next++
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+p.next%(lastPort-firstPort))
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err == nil {
			return addr, ln.Close()
		}
	}
	return "", fmt.Errorf("no free port in %d..%d", firstPort, lastPort)
}

// Command gateway stands between applications and language-model providers:
// an OpenAI-compatible reverse proxy that answers from a cache where it can,
// starts on the cheapest tier that will do, and accounts for every call.
//
//	gateway [serve]     serve HTTP (the default)
//	gateway check FILE  validate a configuration file
//	gateway migrate [--dry-run]  bring the database's schema up to date
//	gateway archive --before DATE [--dry-run]  move idle conversations into files
//	gateway restore FILE...  move them back
//	gateway health [URL]  ask a running gateway whether it is alive
//	gateway version     print the version
//	gateway mcp         speak MCP on standard input and output
//
// Without a configuration file (GATEWAY_CONFIG) the providers come from the
// vendors' environment variables. README.md has the rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/mcp/child"
)

// version is set by the release build.
var version = "dev"

// Exit codes, after sysexits.h where one fits.
const (
	exitFailed      = 1
	exitUsage       = 64
	exitUnavailable = 69
	exitConfig      = 78
)

const usage = `usage: gateway [serve | check FILE | migrate [--dry-run] |
       archive --before DATE [--dry-run] | restore FILE... | health [URL] | version | mcp]
`

func main() {
	child.Main() // of a program that is confined
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	} else if os.Getenv("MODE") == "mcp" {
		command = "mcp"
	}
	switch {
	case command == "serve" && len(args) == 0:
		return serve(stderr)
	case command == "check" && len(args) == 1:
		return check(args[0], stdout, stderr)
	case command == "health" && len(args) <= 1:
		return health(args, stderr)
	case command == "version" && len(args) == 0:
		fmt.Fprintln(stdout, "gateway", version)
		return 0
	case command == "archive":
		return archiveIdle(args, stdout, stderr)
	case command == "restore":
		return restore(args, stdout, stderr)
	case command == "migrate":
		return migrate(args, stdout, stderr)
	case command == "mcp" && len(args) == 0:
		return serveMCP(os.Stdin, stdout, stderr)
	}
	fmt.Fprint(stderr, usage)
	return exitUsage
}

// serve runs the gateway until SIGTERM or SIGINT; a second one cuts off what
// is under way. SIGHUP reloads the configuration.
func serve(stderr io.Writer) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE) // a closed log is no reason to die

	cfg, err := loadConfig()
	if err != nil {
		fmt.Fprintf(stderr, "gateway: %v\n", err)
		return exitConfig
	}
	g := &Gateway{}
	defer g.Close()
	address, err := g.Open(cfg, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "gateway: %v\n", err)
		return exitFailed
	}
	g.log.Slog().Info("listening", "address", address.String(), "version", version)

	ctx, stop := context.WithCancel(context.Background())
	kill, killNow := context.WithCancel(context.Background())
	defer stop()
	defer killNow()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, kill) }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				fmt.Fprintf(stderr, "gateway: %v\n", err)
				return exitFailed
			}
			return 0
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
				g.reloadFile()
			case ctx.Err() == nil:
				stop()
			default:
				killNow()
			}
		}
	}
}

// reloadFile reads the configuration again; a bad one changes nothing.
func (g *Gateway) reloadFile() {
	cfg, err := loadConfig()
	if err == nil {
		err = g.Reload(cfg)
	}
	if err != nil {
		g.reloadFailures.Add(1)
		g.log.Slog().Error("configuration not reloaded; the old one stays", "error", err.Error())
	}
}

// loadConfig reads GATEWAY_CONFIG, or the environment alone without it.
func loadConfig() (*configs.Config, error) {
	if path := os.Getenv("GATEWAY_CONFIG"); path != "" {
		return configs.Load(path, os.LookupEnv)
	}
	return configs.FromEnv(os.LookupEnv)
}

// check validates a file and says what is unusual about it.
func check(path string, stdout, stderr io.Writer) int {
	cfg, err := configs.Load(path, os.LookupEnv)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitConfig
	}
	for _, text := range cfg.Warnings() {
		fmt.Fprintln(stderr, "warning:", text)
	}
	fmt.Fprintf(stdout, "%s: valid, version %s\n", path, cfg.Version())
	return 0
}

// health asks a gateway's /livez: a container's health check that needs no
// shell. Without a URL it asks the address that serve would listen on.
func health(args []string, stderr io.Writer) int {
	var url string
	if len(args) == 1 {
		url = args[0]
	} else {
		cfg, err := loadConfig()
		if err != nil {
			fmt.Fprintf(stderr, "gateway: %v\n", err)
			return exitConfig
		}
		url = "http://" + localAddress(cfg.Listen) + "/livez"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		fmt.Fprintf(stderr, "gateway: %v\n", err)
		return exitUsage
	}
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "gateway: not healthy: %v\n", err)
		return exitFailed
	}
	return 0
}

// localAddress is where a listener on all addresses is reached from here.
func localAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || strings.Trim(host, "0.:[]") == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

# Everyday commands of the gateway; `make` alone lists them.

GO        ?= go
BIN       := bin
GATEWAY   := $(BIN)/gateway
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD_FLAGS := -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

GOFUMPT_VERSION  := v0.12.0
GOLANGCI_VERSION := v2.15.0
GOFUMPT  := $(BIN)/gofumpt-$(GOFUMPT_VERSION)
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)

# ARGS goes to the command that `make run` and `make bench` start.
ARGS ?=
# FUZZTIME is how long each fuzz target runs; PKG narrows test, race and fuzz.
FUZZTIME ?= 30s
PKG ?= ./...

.DEFAULT_GOAL := help
.PHONY: help run build test race check fuzz bench gobench e2e image clean redis postgres haproxy node

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build the gateway and run it on 127.0.0.1:8080
	@exec $(GATEWAY) $(ARGS)

build: ## build the static binary into bin/
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o $(GATEWAY) .

test: redis postgres haproxy ## run all Go tests, with the real services they need
	$(GO) test -timeout 15m $(PKG)

race: redis postgres haproxy ## run all Go tests under the race detector
	$(GO) test -race -timeout 30m $(PKG)

check: $(GOFUMPT) $(GOLANGCI) ## gofumpt, go vet, golangci-lint, import table
	@out=$$(git ls-files -co --exclude-standard '*.go' | xargs $(GOFUMPT) -l) && \
	if [ -n "$$out" ]; then echo "gofumpt would change:" >&2; echo "$$out" >&2; exit 1; fi
	$(GO) vet ./...
	$(GOLANGCI) run ./...
	$(GO) test -run 'Imports|Configs|Dependencies|Docs' .

fuzz: ## run every fuzz target in turn for FUZZTIME (30s)
	@for dir in $$($(GO) list -f '{{.Dir}}' $(PKG)); do \
	  for target in $$(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -d' ' -f2); do \
	    echo "== $$target in $$dir"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir" || exit 1; \
	  done; \
	done

bench: ## measure the gateway against bare proxies; writes bench/results/
	$(GO) run ./bench $(ARGS)

gobench: ## run the Go benchmarks, with allocations
	$(GO) test -run '^$$' -bench . -benchmem $(PKG)

e2e: node build ## run the Node SDKs against the gateway, with every provider simulated
	CGO_ENABLED=0 $(GO) build -o $(BIN)/bench ./bench
	cd e2e && npm ci --no-audit --no-fund && npm test

image: ## build the container image ai-mcp-gateway
	docker build --build-arg VERSION=$(VERSION) -t ai-mcp-gateway:$(VERSION) -t ai-mcp-gateway:latest .

clean: ## remove what was built and installed here
	rm -rf $(BIN) e2e/node_modules

redis:
	@$(call need,redis-server,redis-server)

# Debian keeps the server out of PATH.
postgres:
	@$(call need,$(firstword $(wildcard /usr/lib/postgresql/*/bin/postgres) postgres),postgresql)

haproxy:
	@$(call need,$(firstword $(wildcard /usr/sbin/haproxy) haproxy),haproxy)

node:
	@$(call need,node,nodejs)
	@$(call need,npm,npm)
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	{ echo "make e2e needs Node.js 20 or newer, and this is $$(node --version)" >&2; exit 1; }

# need makes sure that program $(1) is there: it installs Debian's package
# $(2) where it may, and else fails with the command that does.
define need
command -v $(1) >/dev/null || \
{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
  echo "installing $(2), which the tests need" && \
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null; } || \
{ echo "$(1) is missing; install it with: sudo apt-get install -y $(2)" >&2; exit 1; }
endef

$(GOFUMPT):
	GOBIN=$(CURDIR)/$(BIN) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	@mv $(BIN)/gofumpt $@

$(GOLANGCI):
	GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

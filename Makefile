# Steadyframe. `make help` lists the targets; `make run` and `make test` are all that a fresh machine with Go needs.

SHELL       := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null) # empty without git: then `version` says (devel)

BUILD_FLAGS := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(strip $(VERSION))'

# The server once more with TLS on all listeners: what lies below HTTP and gRPC must not know the difference.
.PHONY: test-tls
test-tls:
	TEST_STEADYFRAME_TLS=1 go test -vet=off -count=1 -timeout 10m ./internal/server ./internal/server/httpapi

# Modules of their own, which ./... does not reach from the root. lab/peers is one more: scripts/bench-peers --check tests it,
# since it is linked with libraries in C; and e2e/deploy, which scripts/check-deploy tests, since it builds half of Kubernetes.
NESTED := analysis lab e2e/browser

# What the libraries are, as package patterns: no network, no operating system, so their tests also run as 32-bit programs.
LIBRARIES := ./pool/... ./frame/... ./jpeg/... ./pipeline/... ./scene/... ./mel/... ./internal/band/... ./internal/jpegcore/... ./internal/kernel/... ./internal/ingest/...

# Settings of `make run`, `make bench` and `make fuzz`, given as `make bench BENCH=Encode PKG=./jpeg`.
ARGS     ?=
BENCH    ?= .
PKG      ?= ./...
FUZZTIME ?= 5s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/steadyframe, bin/steadyframe-bench and bin/poolvet
	@mkdir -p bin
	CGO_ENABLED=0 go build $(BUILD_FLAGS) -o bin/ ./cmd/...
	for module in analysis lab; do CGO_ENABLED=0 go build -C $$module $(BUILD_FLAGS) -o ../bin/ ./cmd/... || exit 1; done
	@ls -sh1 bin/steadyframe bin/steadyframe-bench bin/poolvet

.PHONY: run
run: build ## build and start the demo (ARGS='--for 10s' ends it)
	bin/steadyframe demo $(ARGS)

# --- checks -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: tools lint test-plain test-tls test-modules test-race test-checked test-386 test-arm64 cross ## all checks and all tests, as continuous integration runs them

.PHONY: tools
tools: ## install through apt-get what the tests call, when it may
	scripts/install-test-tools

.PHONY: lint
lint: fmt vet staticcheck poolvet shellcheck api asm ## formatting, vet, staticcheck, poolvet, shellcheck, generated code

.PHONY: fmt
fmt:
	@unformatted=$$(gofmt -l .); if [[ -n $$unformatted ]]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi

.PHONY: vet
vet:
	for module in . $(NESTED); do go vet -C $$module ./... || exit 1; done

.PHONY: staticcheck
staticcheck:
	for module in . $(NESTED); do (cd $$module && go run $(STATICCHECK) ./...) || exit 1; done

.PHONY: poolvet
poolvet: build
	for module in . $(NESTED); do (cd $$module && "$(CURDIR)/bin/poolvet" -putshape.bound ./...) || exit 1; done

.PHONY: shellcheck
shellcheck:
	scripts/check-shell

.PHONY: api
api:
	scripts/check-api

.PHONY: asm
asm:
	scripts/check-asm

# Every test, fuzz seeds and end-to-end tests among them. -count=1: a test that measures must measure now. -vet=off, here and
# in scripts/test-race: go test would vet what `make vet` has, with all that it depends on, once more for each way to build it.
.PHONY: test-plain
test-plain:
	go test -vet=off -count=1 -timeout 10m ./...

.PHONY: test-modules
test-modules:
	for module in $(NESTED); do go test -C $$module -vet=off -count=1 -timeout 10m ./... || exit 1; done

# The race detector slows code five- to tenfold. What it has nothing to say on, since it runs on one goroutine, is left out:
# it runs in full above. Allocation tests skip themselves.
.PHONY: test-race
test-race:
	scripts/test-race

# The whole server with checked pools: any misuse of a buffer, in any test, is reported with the stacks of who held it.
.PHONY: test-checked
test-checked:
	go test -short -vet=off -count=1 -timeout 10m -tags poolcheck ./pool/... ./frame/... ./pipeline/... ./scene/... ./internal/ingest/... ./internal/server/...

# The libraries as 32-bit programs: an int that overflows there is found by their own tests.
.PHONY: test-386
test-386:
	scripts/test-386 $(LIBRARIES)

# The kernels in NEON, under qemu.
.PHONY: test-arm64
test-arm64:
	scripts/test-arm64

.PHONY: cross
cross: ## build for other systems and processors, without cgo
	scripts/cross-build

# --- on demand --------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: ## run benchmarks: BENCH=regexp PKG=./pipeline
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (5s)
	scripts/fuzz '$(FUZZTIME)'

.PHONY: cover
cover: ## test coverage, by function, into coverage.out
	go test -short -coverpkg=./... -coverprofile=coverage.out ./...
	go tool cover -func=coverage.out | tail -n 1

.PHONY: python
python: ## build the Python package: a wheel and an sdist in dist/ (Debian: python3-hatchling)
	cd clients/python && /usr/bin/python3 -m hatchling build -d "$(CURDIR)/dist"

.PHONY: man
man: build ## write manual pages into dist/man
	bin/steadyframe man dist/man
	@ls dist/man

.PHONY: packages
packages: ## build .deb and .rpm for this processor into dist/
	scripts/packages dist "$(or $(strip $(VERSION)),0)" "$$(go env GOARCH)"

.PHONY: release
release: ## make all files of a release: VERSION=1.2.3
	scripts/release '$(strip $(VERSION))'

.PHONY: clean
clean: ## remove what these targets made
	rm -rf bin dist out coverage.out

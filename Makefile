# gojn. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0

VERSION      ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS      := -s -w -X main.version=$(VERSION)
GOLANGCI     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK  := golang.org/x/vuln/cmd/govulncheck@v1.8.0
GOTESTSUM    := gotest.tools/gotestsum@v1.13.0
FUZZTIME     ?= 30s
ROUNDS       ?= 1
CRASH        ?= .
SIDE_BY_SIDE ?= 4# compat scenarios at a time: they wait more than they compute
DATA         ?= $(CURDIR)/data
BIN          := bin/journalnode

IMAGE        ?= gojn/journalnode
RELEASE      ?= 3.4.2
# With RAN=DIR the tests also write there what ran, for `make ran`.
GOTEST        = $(if $(RAN),mkdir -p '$(RAN)' && go run $(GOTESTSUM) --format standard-$(if $(1),verbose,quiet) --jsonfile '$(RAN)/$@.json' --,go test $(1))
COMPOSE       = $$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) \
  -f docker/compose.yaml

.PHONY: docker-image docker-prepare docker-up docker-down docker-test
.PHONY: hadoop-suites hadoop-suites-ci
.PHONY: help build run test ran test-unit test-race crash crash-long kill-long compat lint fmt vet vuln generate verify-generate tidy-check fuzz bench bench-java long soak demo systemd-test clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

build: ## build the binary, bin/journalnode
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/journalnode

run: build ## build and start a JournalNode on the defaults: data under ./data, RPC 8485, HTTP 8480
	@mkdir -p '$(DATA)'
	./$(BIN) --print-client-config -D dfs.journalnode.edits.dir='$(DATA)' || [ $$? -gt 128 ] # stopped by a signal

test: test-unit compat ## every test that there is a runtime for (COMPAT=required: none may be skipped for want of one)

test-unit: ## the tests that need only Go
	$(call GOTEST) $$(go list ./... | grep -v -e /compat-tests -e /crash-tests)
	cd internal/tools && go test ./...

test-race: ## the same under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race $$(go list ./... | grep -v -e /compat-tests -e /crash-tests)

crash: ## power cuts, failing and hanging disks, mutations of each sync
	$(call GOTEST,-v) -timeout 10m -run '$(CRASH)' ./crash-tests | grep -vE '^=== |^ +--- PASS'

crash-long: ## histories, power cuts and faults, seed after seed, until one fails or Ctrl-C (SEED=n: from there on)
	@go test -c -o bin/crash-tests ./crash-tests
	@seed=$${SEED:-1}; while true; do \
	  (cd crash-tests && ../bin/crash-tests -test.run '^(TestRandomHistories|TestPowerCutAtEachOperation|TestEachFault)$$' \
	    -test.v -test.timeout 0 -crash.seed=$$seed -crash.histories=1000 | grep -vE '^=== |^ +--- PASS') || exit 1; \
	  seed=$$((seed + 1000)); done

kill-long: build ## kill -9 of nodes under Hadoop's client, all releases, seed after seed until one fails or Ctrl-C (SEED=n: from there on)
	@go test -c -o bin/kill-tests ./compat-tests
	@export TMPDIR=$$(mktemp -d); trap 'rm -rf "$$TMPDIR"' EXIT; seed=$${SEED:-1}; while true; do \
	  (cd compat-tests && COMPAT=required COMPAT_LONG=1 GOJN_JOURNALNODE=../bin/journalnode \
	    ../bin/kill-tests -test.run '^TestKill_' -test.v -test.timeout 0 -test.parallel 4 -kill.seed=$$seed -kill.lives=1000 \
	    -kill.rounds=200 | grep --line-buffered -vE '^=== ') || exit 1; \
	  seed=$$((seed + 1)); done

compat: build ## the tests against real Hadoop processes (need a JDK and Maven)
	@for tool in java javac mvn; do command -v $$tool >/dev/null || \
	  echo "SKIPPED for want of $$tool: the tests against real Hadoop (they need a JDK 17 and Maven)"; done
	$(call GOTEST) -timeout 25m -parallel $(SIDE_BY_SIDE) ./compat-tests/...

ran: ## fail unless each test that a table of docs/compatibility.md names ran and passed (RAN=DIR: what the targets before wrote there)
	@[ -n '$(RAN)' ] || { echo "make ran needs RAN=DIR, set for the targets that ran the tests too" >&2; exit 2; }
	go run ./compat-tests/ran $(if $(COMPAT_LONG),-long) docs/compatibility.md '$(RAN)'

# Of RELEASE only what was set by hand counts: without, all three run.
SUITES = go build -buildvcs=false -o bin/hadoop-suites ./compat-tests/suites && \
  bin/hadoop-suites -side-by-side $(SIDE_BY_SIDE) $(if $(CLASSES),-classes '$(CLASSES)')
hadoop-suites: ## Hadoop's own tests over our binary (root, JDK 17, Maven; RELEASE=, CLASSES=regexp, CORE=1, CONTROL=1: Java's node, KEEP=1: into docs, NEGATIVE=too|only)
	@$(SUITES) -release '$(if $(filter file,$(origin RELEASE)),,$(RELEASE))' $(if $(CORE),-core) $(if $(CONTROL),-control) \
	  $(if $(KEEP),-keep) $(if $(NEGATIVE),-negative $(NEGATIVE))

hadoop-suites-ci: ## the part of it that fits into CI: the core classes of 3.4.2 and 2.7.7, and on 3.4.2 the builds with planted faults
	@$(SUITES) -release 3.4.2,2.7.7 -core -negative too -negative-release 3.4.2 -dir .cache/hadoop-suites

lint: ## golangci-lint, pinned
	go run $(GOLANGCI) run ./...

fmt: ## fail if gofmt would change a file
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

vet: ## go vet
	go vet ./...

vuln: ## govulncheck, pinned; skipped with the reason where its database cannot be reached
	@./scripts/vuln.sh $(GOVULNCHECK)

generate: ## make the generated code anew (protobuf messages, configuration table)
	go generate ./...

verify-generate: generate ## fail if the generated code differs from what is committed
	@changed=$$(git status --porcelain -- '*.pb.go' docs); \
	  if [ -n "$$changed" ]; then echo "make generate changes files:"; echo "$$changed"; exit 1; fi

tidy-check: ## fail if go.mod is not tidy
	go mod tidy -diff
	cd internal/tools && go mod tidy -diff

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@./scripts/fuzz.sh '$(FUZZTIME)'

bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /compat-tests)

bench-java: ## ours beside Java's node through Hadoop's client, into docs/performance.md (15 min; BENCH=quick: 5 min, only printed)
	@./scripts/bench-java.sh '$(BENCH)'

long: export RAN := $(CURDIR)/bin/ran
long: export GOTESTSUM := $(GOTESTSUM)
long: ## what does not fit into CI: everything on every release, containers, systemd, fuzz targets (root; 40 min, ROUNDS=n for more)
	@rm -rf '$(RAN)'
	$(MAKE) test-unit
	$(MAKE) build
	COMPAT=required COMPAT_LONG=1 $(call GOTEST,-v) -timeout 4h -parallel $(SIDE_BY_SIDE) -count $(ROUNDS) ./compat-tests/...
	COMPAT=required ./scripts/docker-test.sh 3.4.2
	COMPAT=required ./scripts/docker-test.sh 2.7.7
	COMPAT=required ./scripts/docker-test.sh 3.5.0
	COMPAT=required ./scripts/systemd-test.sh
	COMPAT=required $(MAKE) hadoop-suites NEGATIVE=too
	go test -run '^$$' -bench WriterUnderIdleFlood -count 3 ./hadooprpc
	$(MAKE) crash
	$(MAKE) ran COMPAT_LONG=1
	$(MAKE) fuzz

soak: ## hours: the fuzz targets for 5 minutes each, the compat tests five times, and under the race detector
	$(MAKE) long FUZZTIME=5m ROUNDS=5
	COMPAT=required CGO_ENABLED=1 go test -race -timeout 2h ./compat-tests/...

docker-image: build ## build the container image, gojn/journalnode (IMAGE=...)
	@./scripts/docker-image.sh '$(IMAGE)' '$(VERSION)' "$$(git rev-parse HEAD 2>/dev/null || echo unknown)"

docker-prepare: docker-image ## make what docker/compose.yaml needs: the image, one for Java, the jars of Hadoop RELEASE
	./scripts/docker-jvm.sh
	go run ./compat-tests/fetch '$(RELEASE)'

docker-up: docker-prepare ## start docker/compose.yaml with Hadoop RELEASE (2.7.7, 3.4.2, 3.5.0) on this machine's engine
	HADOOP_JARS="$${GOJN_HADOOP_CACHE:-$(CURDIR)/.cache/hadoop}" JOURNALNODE_IMAGE='$(IMAGE)' \
	  $(COMPOSE) --profile '$(RELEASE)' up -d

docker-down: ## stop it and remove its containers and volumes, of any release
	$(COMPOSE) --profile 2.7.7 --profile 3.4.2 --profile 3.5.0 down -v

docker-test: ## test the image and a cluster of containers with Hadoop RELEASE; starts an engine if there is none (root)
	@GOTESTSUM='$(GOTESTSUM)' ./scripts/docker-test.sh '$(RELEASE)'

demo: build ## real NameNodes on three nodes, a kill -9 of the active, and a proof that nothing is lost (JDK 17, Maven)
	@go build -trimpath -o bin/demo ./compat-tests/demo
	@GOJN_JOURNALNODE='$(CURDIR)/$(BIN)' ./bin/demo

systemd-test: ## the unit file in a booted Debian (root; systemd-nspawn and debootstrap)
	./scripts/systemd-test.sh

clean: ## remove what was built (not ./data)
	rm -rf bin

# What there is to do here: `make help`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

BIN := $(CURDIR)/bin
TOOL := go tool -modfile=.ci/tools.mod
STAGE := .ci/stage
# The linter, with kube-api-linter compiled in.
LINTER := $(TOOL) golangci-lint-kube-api-linter

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
IMAGE ?= sluice:dev

# The race detector needs a C compiler; without one the same tests run without it.
RACE := $(if $(shell command -v gcc),-race)
# Packages with goroutines and I/O are tested with the race detector; pure ones and the model, which would take many
# times as long, are not.
CONCURRENT := ./analysis/... ./cmd/... ./controllers/... ./gitsync/... ./trafficrouting/... ./test/gateway/... ./test/gitserver/... ./test/load/...
PURE := ./api/... ./examples/... ./test/arch/... ./test/integration/crd/... ./test/model/... ./test/traces/...

# Files that `make generate` writes.
GENERATED := api/v1alpha1/zz_generated.deepcopy.go api/v1alpha1/applyconfiguration config/crd config/rbac config/install.yaml

##@ Build

.PHONY: build
build: ## Build the controller and the plugin into bin/.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

# Roots for https to Git and Prometheus, where the machine has them.
CA_CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))

.PHONY: image
image: ## Build bin/image/sluice.tar, a docker-archive of the controller (needs no Docker). IMAGE=name:tag names it.
	mkdir -p $(BIN)/image
	CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/image/sluice ./cmd/sluice
	go -C test/cluster run ./image -o $(BIN)/image/sluice.tar -name $(IMAGE) -user 65532:65532 -entrypoint /sluice \
		sluice=$(BIN)/image/sluice $(addprefix etc/ssl/certs/ca-certificates.crt=,$(CA_CERTIFICATES))

##@ Test

.PHONY: unit
unit: ## The quick loop: unit tests, model and simulation in their short forms, tables of good and bad objects.
	$(STAGE) unit-race go test $(RACE) $(CONCURRENT)
	$(STAGE) unit-pure go test $(PURE)
	$(STAGE) unit-cluster go -C test/cluster test ./...
	$(STAGE) model-short go test -count=1 -v ./test/model
	$(STAGE) sim-short go test -count=1 -v ./test/sim

.PHONY: test
test: unit mutation integration cluster-test e2e ## All tests: unit, model, mutants, integration on a real API server, end to end in short form.

.PHONY: model
model: ## The model of the engine, with what it explored: five minutes on two cores; ARGS=-long explores more, for hours.
	$(STAGE) model go test -count=1 -v -timeout 24h ./test/model -pairs $(ARGS)

.PHONY: mutation
mutation: ## Small faults in the engine, one at a time: do its tests see them? A sample in 2 minutes; ARGS=-long makes all.
	$(STAGE) mutation go test -count=1 -v -timeout 3h ./test/mutation $(ARGS)

.PHONY: sim
sim: ## Fleets of Rollouts with faults, for an hour; ARGS='-seed N' lives one life again, '-duration 10m' is shorter.
	$(STAGE) sim go test -count=1 -v -timeout 0 ./test/sim -duration 1h $(ARGS)

.PHONY: integration
integration: ## Tests on a real etcd and kube-apiserver, which are built the first time.
	command -v prometheus > /dev/null || $(STAGE) packages go -C test/cluster run . packages
	assets="$${KUBEBUILDER_ASSETS:-$$(go -C test/cluster run . assets)}"; \
	KUBEBUILDER_ASSETS="$$assets" $(STAGE) integration go test -timeout 20m ./test/integration/... ./test/bench/...

.PHONY: e2e
e2e: ## Tests on the local cluster with real pods, a real gateway and load.
	$(STAGE) e2e go test -count=1 -timeout 40m ./test/e2e/... $(ARGS)

.PHONY: gateway-conformance
gateway-conformance: ## The Gateway API's own conformance tests on the gateways used here; ARGS=-known runs what is known to fail.
	cd test/conformance && ../../$(STAGE) gateway-conformance go test -count=1 -timeout 40m . -args -results results.md $(ARGS)

.PHONY: bench-fleet
bench-fleet: ## What fleets of 200 and 1000 Rollouts cost, written to test/bench/results/fleet.md; ARGS=-help for more.
	assets="$${KUBEBUILDER_ASSETS:-$$(go -C test/cluster run . assets)}"; \
	KUBEBUILDER_ASSETS="$$assets" $(STAGE) bench-fleet go run ./test/bench/fleet -out test/bench/results/fleet.md $(ARGS)

.PHONY: demo
demo: ## Commit, canary, rollback on a real cluster under load; needs nothing done before.
	go run ./examples/demo

##@ Code

# The local cluster runs programs, as root, with files where those want them: what gosec and the like say of that is noise.
CLUSTER_LINTERS := bodyclose,errorlint,exhaustive,funlen,gocyclo,godot,govet,ineffassign,misspell,revive,staticcheck,unparam,unused

.PHONY: lint
lint: verify ## Lint everything, and check that generated files are current.
	$(STAGE) lint $(LINTER) run
	$(STAGE) lint-api $(LINTER) run --config .golangci-kal.yml ./api/...
	cd test/cluster && ../../$(STAGE) lint-cluster go tool -modfile=../../.ci/tools.mod golangci-lint-kube-api-linter run \
		--config ../../.golangci.yml --enable-only $(CLUSTER_LINTERS)
	cd test/conformance && ../../$(STAGE) lint-conformance go tool -modfile=../../.ci/tools.mod golangci-lint-kube-api-linter run \
		--config ../../.golangci.yml

.PHONY: fmt
fmt: ## Format the code.
	$(LINTER) fmt

.PHONY: generate
generate: ## Generate CRDs, deep copies, apply configurations, RBAC and config/install.yaml.
	$(TOOL) controller-gen object paths=./api/...
	rm -rf api/v1alpha1/applyconfiguration
	$(TOOL) controller-gen applyconfiguration paths=./api/...
	$(TOOL) controller-gen crd:headerFile=/dev/null paths=./api/... output:crd:dir=config/crd
	$(TOOL) controller-gen rbac:roleName=sluice-controller paths=./controllers/... output:rbac:dir=config/rbac/controller
	$(TOOL) controller-gen rbac:roleName=sluice-controller-cluster paths=./cmd/sluice output:rbac:dir=config/rbac/cluster
	$(MAKE) --no-print-directory install-yaml
	go test ./test/integration/crd -run TestCostReport -update

.PHONY: install-yaml
install-yaml: ## Write config/install.yaml from config/default.
	{ echo '# Generated from config/default by make generate; do not edit.'; $(TOOL) kustomize build config/default; } > config/.install.yaml.tmp
	mv config/.install.yaml.tmp config/install.yaml

.PHONY: verify
verify: ## Fail when generated files are not current (and make them so).
	before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	cp -r --parents $(GENERATED) "$$before"; \
	$(STAGE) generate $(MAKE) --no-print-directory generate; \
	changed=0; for f in $(GENERATED); do diff -ru "$$before/$$f" "$$f" || changed=1; done; \
	if [ "$$changed" = 1 ]; then echo 'verify: the files above were not current; they are now: commit them' >&2; exit 1; fi

.PHONY: tidy
tidy: ## Tidy every go.mod but that of the tools.
	for dir in . $$(find test/cluster test/conformance -name go.mod -printf '%h\n' | sort); do (cd "$$dir" && go mod tidy); done

.PHONY: tools
tools: ## Build the tools that the other targets use.
	for tool in controller-gen kustomize golangci-lint-kube-api-linter; do $(TOOL) $$tool --help > /dev/null; done

.PHONY: help
help: ## Show this.
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z0-9_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Cluster

# The local cluster: cluster, cluster-down and what belongs to it.
-include test/cluster/cluster.mk

# The local cluster, included by the top Makefile. CLUSTER chooses what it is made
# of (local, kind or existing), CLUSTER_NAME tells several apart.
CLUSTER_NAME ?= sluice
cluster_run = go -C test/cluster run .
cluster_flags = -name $(CLUSTER_NAME) $(if $(CLUSTER),-provider $(CLUSTER))

.PHONY: cluster cluster-down cluster-build cluster-test

cluster: ## Bring up the local cluster and print how to reach it (CLUSTER=local|kind|existing)
	@$(cluster_run) up $(cluster_flags)

cluster-down: ## End the local cluster and leave nothing behind
	@$(cluster_run) down $(cluster_flags)

cluster-build: ## Build what the local cluster is made of, once for each version
	@$(cluster_run) build >/dev/null

cluster-test: ## Test the local cluster itself: up, kill -9 of parts, down, nothing left (needs root)
	@SLUICE_CLUSTER_TEST=1 go -C test/cluster test -count=1 -timeout 15m ./...

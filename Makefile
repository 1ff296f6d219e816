# What a person does with this repository. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Intermediate files may live elsewhere; what is deployed is always found below target/.
build := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
# Where a machine checks, the lock file decides; a developer may be changing it.
locked := $(if $(CI),--locked)

say = @echo "== $(1)"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## prepare the sBPF toolchain (installs Debian's rustc-web with apt, once)
	$(call say,setup: the sBPF toolchain)
	@toolchain/setup.sh

.PHONY: program
program: so idl ## build target/deploy/novate.so and target/idl/novate.json

.PHONY: so
so: setup
	$(call say,program: target/deploy/novate.so)
	@toolchain/cargo-sbpf -p novate $(locked)
	@mkdir -p target/deploy
	@cmp -s $(build)/sbpf/sbpf-solana/release/novate.so target/deploy/novate.so \
	  || cp $(build)/sbpf/sbpf-solana/release/novate.so target/deploy/novate.so
	@sha256sum target/deploy/novate.so

.PHONY: idl
idl:
	$(call say,program: target/idl/novate.json)
	@cargo build -q -p novate-idl $(locked)
	@CARGO_TARGET_DIR=$(abspath $(build))/idl $(build)/debug/novate-idl programs/novate target/idl/novate.json

# What a person does with this repository; `make` lists it.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Intermediate files may live elsewhere; what is deployed is always found below target/.
build := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Where a machine checks, the lock file decides; a developer may be changing it.
locked := $(if $(CI),--locked)

say = @echo "== $$(date +%T) $(1)"
# cargo in the validator's workspace, whose packages stay out of all other builds.
localnet := cd localnet && CARGO_TARGET_DIR=$(build)/localnet OPENSSL_NO_VENDOR=1 cargo
# Clippy while it is built: to check 900 packages and then to build them would take twice as long.
lint-localnet := export RUSTC_WORKSPACE_WRAPPER=clippy-driver; $(localnet) build --all-targets --locked
# Runs a component of cargo in all workspaces: $(1) its name, $(2) arguments for the program's, $(3) for the toolchain's, $(4) what does
# it in the validator's.
all = @if ! cargo $(1) --version >/dev/null 2>&1; then \
    echo "== NOT CHECKED: cargo $(1) is not part of this Rust toolchain"; exit 0; fi; \
  cargo $(1) $(2); (cd toolchain; CARGO_TARGET_DIR=target cargo $(1) $(3)); $(4)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## prepare the sBPF toolchain (once; installs Debian's rustc-web with apt)
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
	@CARGO_TARGET_DIR=$(build)/interface $(build)/debug/novate-idl programs/novate target/idl/novate.json

.PHONY: multisig
multisig: setup ## build target/deploy/squads.so, the multisig that tests run as the pool's authority
	$(call say,multisig: target/deploy/squads.so)
	@cd tests/multisig && CARGO_TARGET_DIR=$(build)/multisig ../../toolchain/cargo-sbpf --locked
	@mkdir -p target/deploy
	@cmp -s $(build)/multisig/sbpf/sbpf-solana/release/squads.so target/deploy/squads.so \
	  || cp $(build)/multisig/sbpf/sbpf-solana/release/squads.so target/deploy/squads.so

.PHONY: venue
venue: setup ## build target/deploy/venue.so, the venue program that tests register
	$(call say,venue: target/deploy/venue.so)
	@cd tests/venue && CARGO_TARGET_DIR=$(build)/venue ../../toolchain/cargo-sbpf --locked
	@mkdir -p target/deploy
	@cmp -s $(build)/venue/sbpf/sbpf-solana/release/venue.so target/deploy/venue.so \
	  || cp $(build)/venue/sbpf/sbpf-solana/release/venue.so target/deploy/venue.so

.PHONY: fmt
fmt: ## format every Rust source
	$(call say,fmt: rustfmt)
	$(call all,fmt,--all,,$(localnet) fmt)

.PHONY: lint
lint: setup localnet-setup ## check the format, clippy without warnings, and the program's address
	$(call say,lint: the address in Anchor.toml)
	@scripts/check-program-id
	$(call say,lint: rustfmt)
	$(call all,fmt,--all --check,--check,$(localnet) fmt --check)
	$(call say,lint: clippy)
	$(call all,clippy,--workspace --all-targets $(locked) -- -D warnings,--all-targets --locked -- -D warnings,$(lint-localnet))

.PHONY: test
test: lint program multisig venue localnet-build ## all that must pass: lint, programs, tests, toolchain tests, the TypeScript client, reproducible
	$(call say,test: the workspace)
	@cargo test --workspace $(locked)
	$(call say,test: the toolchain)
	@cd toolchain && cargo test --locked --target-dir target
	$(call say,test: the local validator)
	@$(localnet) test --locked
	@$(MAKE) --no-print-directory test-typescript
	@$(MAKE) --no-print-directory reproducible

.PHONY: wasm
wasm: setup ## build target/wasm/novate.wasm: health of portfolios for browsers and Node
	$(call say,wasm: target/wasm/novate.wasm)
	@crates/wasm/build

.PHONY: typescript
typescript: program wasm ## build the TypeScript client (needs Node.js)
	$(call say,typescript: clients/typescript)
	@clients/typescript/setup.sh
	@cd clients/typescript && npm run --silent build

# Its tests start the validator and run `novate migrate`. Of the whole workspace, so that `cargo test` before has built it all.
.PHONY: test-typescript
test-typescript: typescript localnet-build
	$(call say,test: the TypeScript client)
	@cargo build -q --workspace --bin novate --example vectors $(locked)
	@$(build)/debug/examples/vectors target/wasm/vectors.json
	@cd clients/typescript && CARGO_TARGET_DIR=$(build) npm test --silent

.PHONY: trade
trade: typescript localnet-build ## run clients/typescript/examples/trade.ts: two traders on a local validator
	@cargo build -q -p novate-cli $(locked)
	$(call say,trade: clients/typescript/examples/trade.ts)
	@cd clients/typescript && CARGO_TARGET_DIR=$(build) npm run --silent trade

.PHONY: localnet-setup
localnet-setup:
	@localnet/setup.sh

.PHONY: localnet-build
localnet-build: localnet-setup
	$(call say,localnet: novate-localnet)
	@$(localnet) build $(locked)

.PHONY: validator
validator: localnet-setup ## run a local validator with nothing on it (ARGS=--help for its options)
	$(call say,validator: novate-localnet)
	@$(localnet) run -q --locked -- $(ARGS)

.PHONY: localnet
localnet: so localnet-build ## run a local validator with a pool that trades, matcher, market maker, keeper and liquidator (ARGS=--help for its options)
	$(call say,localnet: novate localnet)
	@cargo build -q -p novate-cli -p novate-bots -p novate-matcher --bins $(locked)
	@$(build)/debug/novate localnet $(ARGS)

.PHONY: soak
soak: so ## send 100,000 random instructions (OPERATIONS=n for another number); goes on where it was stopped
	$(call say,soak: target/soak)
	@tests/soak $(or $(OPERATIONS),100000) target/soak

.PHONY: replay
replay: so ## play what a walk that failed was shrunk to (TAPE=file) again
	$(call say,replay: $(TAPE))
	@NOVATE_TAPE=$(abspath $(TAPE)) cargo test -q -p novate-tests --test all -- a_tape_is_played_again --nocapture

.PHONY: reproducible
reproducible: so ## build the program a second time, in another folder, and compare every byte
	$(call say,reproducible: a second build in $(build)/reproducible)
	@toolchain/reproducible $(build)/reproducible

.PHONY: toolchain-proof
toolchain-proof: setup ## compare the virtual machine with the host on random operands (slow)
	$(call say,toolchain-proof: the 128-bit helpers natively)
	@mkdir -p $(build)/proof
	@cc -O2 -w -o $(build)/proof/runtime toolchain/proof/runtime.c && $(build)/proof/runtime
	$(call say,toolchain-proof: a program of arithmetic in the virtual machine and on the host)
	@cd toolchain/proof && export CARGO_TARGET_DIR=$(build)/proof && ../cargo-sbpf -p sbpf-proof-program --locked \
	  && PROGRAM=$(build)/proof/sbpf/sbpf-solana/release/sbpf_proof_program.so cargo test --release --locked

.PHONY: demo
demo: so ## run the demonstration
	$(call say,demo: novate demo)
	@cargo run -q -p novate-cli $(locked) -- demo

.PHONY: bench
bench: so venue ## measure, and write docs/performance.md
	$(call say,bench: docs/performance.md)
	@cargo run -q -p novate-bench $(locked)

.PHONY: figures
figures: so localnet-build ## measure and print latency of a liquidation, scans, throughput of the matcher (half an hour, 6 GB of memory)
	$(call say,figures: keeper and liquidator)
	@cargo test -q -p novate-bots $(locked) --test figures -- --ignored --nocapture --test-threads 1
	$(call say,figures: the matcher)
	@cargo build -q -p novate-matcher $(locked)
	@cargo run -q -p novate-matcher $(locked) --example load

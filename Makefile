# Everything here works on a fresh clone with Rust and Node.js installed: each target does the set-up it needs.
#   make demo    a message's whole life on a real L1 and a real L2
#   make test    every test there is
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FORGE := script/forge
CARGO := cargo
LOCKED := --locked

NPM_STAMP := node_modules/.package-lock.json
FORGE_STAMP := contracts/out/.stamp
DEPLOY_STAMP := contracts/out/.deploy-stamp
TOKENS_STAMP := contracts/out/.tokens-stamp
TOKENS := contracts/test/support/Tokens.sol
DEPLOYED := $(shell find contracts/src script -name '*.sol')
SOLIDITY := $(DEPLOYED) $(shell find contracts/test -name '*.sol')

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(NPM_STAMP): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

$(FORGE_STAMP): $(NPM_STAMP) foundry.toml $(SOLIDITY)
	$(FORGE) build
	@touch $@ $(DEPLOY_STAMP) $(TOKENS_STAMP)

# The tests are most of the Solidity: who wants to see the demo need not build them.
$(DEPLOY_STAMP): $(NPM_STAMP) foundry.toml $(DEPLOYED)
	$(FORGE) build script/Deploy.s.sol
	@touch $@

$(TOKENS_STAMP): $(NPM_STAMP) foundry.toml $(DEPLOYED) $(TOKENS)
	$(FORGE) build script/Deploy.s.sol script/DeployGateways.s.sol $(TOKENS)
	@touch $@ $(DEPLOY_STAMP)

.PHONY: setup
setup: $(FORGE_STAMP) ## Install the npm packages and build the contracts with their tests

.PHONY: demo
demo: $(DEPLOY_STAMP) ## Deposit, move, withdraw, prove and finalize ETH, on screen
	$(CARGO) run $(LOCKED) --quiet --package postern-tests --bin demo

.PHONY: demo-dispute
demo-dispute: $(DEPLOY_STAMP) ## A proposer tries to steal the bridge, and pays for it
	$(CARGO) run $(LOCKED) --quiet --package postern-tests --bin demo_dispute

.PHONY: demo-token
demo-token: $(TOKENS_STAMP) ## An ERC-20 goes to L2 and comes back, at once and at finality
	$(CARGO) run $(LOCKED) --quiet --package postern-tests --bin demo_token

.PHONY: test
test: build test-contracts test-rust ## Every test, and the committed snapshots

# The Solidity compiler uses one core for minutes: Cargo has the others.
.PHONY: build
build: ## Compile contracts and crates with their tests, side by side
	$(MAKE) --jobs=2 setup build-rust

.PHONY: build-rust
build-rust:
	$(CARGO) test $(LOCKED) --workspace --no-run

.PHONY: test-contracts
test-contracts: setup ## Solidity tests; gas, storage layouts and bindings against what is committed
	$(FORGE) test --no-match-path 'contracts/test/gas/*'
	FORGE_SNAPSHOT_CHECK=true $(FORGE) test --isolate --match-path 'contracts/test/gas/*'
	node script/storage-layout.mjs --check
	node script/bindings.mjs --check

.PHONY: test-rust
test-rust: setup ## Rust tests: crates, and flows on real nodes
	$(CARGO) test $(LOCKED) --workspace

# forge lint leaves artifacts without bytecode: not where the tests look for theirs.
.PHONY: lint
lint: $(NPM_STAMP) ## Format and lint, both languages; warnings are errors
	$(FORGE) fmt --check
	FOUNDRY_OUT=target/lint/out FOUNDRY_CACHE_PATH=target/lint/cache $(FORGE) lint --deny notes
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings

.PHONY: snapshots
snapshots: setup ## Write gas, storage layouts and bindings anew
	FORGE_SNAPSHOT_EMIT=true $(FORGE) test --isolate --match-path 'contracts/test/gas/*'
	node script/storage-layout.mjs
	node script/bindings.mjs

.PHONY: program
program: ## The program of the fault-proof machine; CHECK=1 compares it with what is committed (Debian: rustc-web, cargo-web, rust-web-src)
	program/build.sh $(if $(CHECK),--check)

.PHONY: fuzz
fuzz: ## Long runs of the fuzz tests of the derivation and of the machine (some minutes each; CASES=n)
	PROPTEST_CASES=$(or $(CASES),45000) $(CARGO) test $(LOCKED) --release --package postern-execution --package postern-machine --test it fuzz -- --nocapture

.PHONY: suite
suite: ## The machine's instruction suite anew from qemu-riscv64, and COUNT=n other random programs (Debian: binutils-riscv64-unknown-elf, qemu-user)
	crates/machine/suite/build.sh --check
	crates/machine/suite/build.sh --random $(or $(COUNT),100) target/suite
	OBJDUMP=riscv64-unknown-elf-objdump SUITE=$(CURDIR)/target/suite $(CARGO) test $(LOCKED) --workspace --test it -- suite:: disassembly::

.PHONY: bench
bench: $(DEPLOY_STAMP) ## Blocks over growing state, a large outbox, bytes on L1 per transfer, worst batches, steps a second, rebuilds, disputes (WORST=1: also about the worst batch, half an hour)
	$(CARGO) bench $(LOCKED) --package postern-protocol --package postern-execution --package postern-machine --package postern-program
	$(CARGO) build $(LOCKED) --release --package postern-node
	$(CARGO) run $(LOCKED) --release --package postern-tests --bin rebuild
	$(CARGO) run $(LOCKED) --release --package postern-tests --bin dispute
	$(if $(WORST),$(CARGO) run $(LOCKED) --release --package postern-tests --bin dispute worst)

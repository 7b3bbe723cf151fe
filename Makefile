# Préau's workshop. `make` alone lists what there is. Every target works on a fresh clone: what is
# missing is installed (Debian, as root) or named with the command that installs it.
# The steps themselves live in xtask/, where they are typed and tested; this file only orders them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run web test test-cluster bench scenarios screenshots fmt lint fuzz dist clean

# Where `make run` listens, where it keeps its school, and what else it is told.
LISTEN ?= 127.0.0.1:8000
DATA ?= data/demo
ARGS ?=

WEB := $(wildcard web/package-lock.json)
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' -not -path 'web/journeys/*' 2>/dev/null)

# A stamp means nothing once what it stands for has been removed.
$(shell [ -d web/node_modules ] || rm -f target/web/installed; [ -d web/dist ] || rm -f target/web/built)

help: ## Lists these targets
	@echo "Préau: a school's morning, in one binary."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  LISTEN=$(LISTEN) DATA=$(DATA): where 'make run' listens and keeps its demo school"

run: ## Builds everything and serves a demo school on http://127.0.0.1:8000
	@xtask/prepare.sh build
	@$(MAKE) --no-print-directory web
	cargo build --release --locked --package preau
	@mkdir -p $(DATA)
	exec target/release/preau demo --listen $(LISTEN) --data $(DATA) $(ARGS)

web: $(if $(WEB),target/web/built) ## Builds the scripts of the live classroom (web/dist)

# npm ci only when the lock file has changed, the build only when a source has.
target/web/installed: web/package-lock.json
	@xtask/prepare.sh build
	@mkdir -p $(@D)
	cd web && npm ci --no-audit --no-fund
	@touch $@

target/web/built: target/web/installed $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

test: ## Runs everything: house rules, format, lints, licences, tests, browser journeys, fuzzing
	@xtask/prepare.sh build test
	cargo xtask test

test-cluster: ## Only the live lesson on a real LiveKit server (needs Go)
	@xtask/prepare.sh build test
	@$(MAKE) --no-print-directory web
	cargo xtask test --only cluster

bench: ## Measures; prints a table and writes target/bench/report.json (ONLY=front for one)
	@xtask/prepare.sh build test bench
	@$(MAKE) --no-print-directory web
	cargo xtask bench $(ONLY)

scenarios: ## The gate's ten scenarios, a line each (ONLY=4 for one; REAL=1: before the real server too)
	@xtask/prepare.sh build
	@$(if $(REAL),$(MAKE) --no-print-directory web)
	@cargo xtask scenarios $(if $(REAL),--real) $(ONLY)

screenshots: ## Photographs every main page for each role (target/screenshots)
	@xtask/prepare.sh build test
	@$(MAKE) --no-print-directory web
	cargo xtask screenshots

fmt: ## Formats the Rust code
	cargo fmt --all

lint: ## The fast half of `make test`: house rules, format, licences, lints
	@xtask/prepare.sh build
	cargo xtask test --until clippy

fuzz: ## Fuzzes every parser for a minute each (SECONDS_EACH=60)
	@xtask/prepare.sh build fuzz
	cargo xtask fuzz --seconds $(or $(SECONDS_EACH),60)

dist: ## Builds the binary to publish, with its checksum (target/dist)
	@xtask/prepare.sh build
	@$(MAKE) --no-print-directory web
	cargo xtask dist

clean: ## Removes everything built; keeps data/
	cargo clean
	rm -rf web/node_modules web/dist fuzz/target

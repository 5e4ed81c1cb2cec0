# The menu. On a fresh Debian 12 machine, as root and with Rust installed, begin with `make demo`.
SHELL := /bin/bash
SCENARIO ?= host-crash
HOSTS ?= 4
STEP := .ci/step
BUILD ?= target/release
PROGRAMS := themis themis-api themis-engine themis-hostmonitor themis-manage themis-status themis-simulate

.PHONY: help demo packages release install debug test check format lint tidy unit doctest labtest scenarios bench bench-bus soak soak-share fuzz-api contract contract-newest lab-up lab-down lab-wipe lab-status bench-api
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(if $(filter help,$(SCENARIO)),,lab-up) ## a host dies, its instances come back: installs, builds, plays; SCENARIO=help lists what can
	@lab/lab play $(SCENARIO)
bench: release ## the figures: Themis beside a bare script on one lab, with the demo's and the product's periods; memory
	@bench/run

bench-api: packages ## themis-api beside Debian's masakari-api: throughput, latency, memory; four minutes, never a test
	@cargo build --release --locked -p themis-api -p themis-cli
	@bench/api

bench-bus: packages ## the bus beside Python's oslo.messaging on one broker: rates, latencies, CPU, memory; three minutes, never a test
	@interop/bench-bus
contract: packages debug ## thousands of requests to real Masakaris (14.0.2 and 22.0.0) and to themis-api: every answer is the same, or says why
	@.ci/contract
soak: packages ## what needs time: outages, fuzzing, random misfortunes, a broker's bad days; SOAK_MINUTES=24
	@.ci/soak

test: packages format lint tidy unit doctest labtest scenarios fuzz-api contract-newest soak-share ## everything that CI does
check: format lint tidy ## formatting, clippy with warnings as errors, the rules of the house

packages: ## Debian packages for building and for the lab
	@$(STEP) packages lab/lab install
release: packages ## the programs, optimised
	@cargo build --release --workspace --bins --locked
install: ## below DESTDIR: the programs that were built (cargo build --release --workspace --bins), units, manual, completion, samples
	@install -D -m 755 -t $(DESTDIR)/usr/bin $(addprefix $(BUILD)/,$(PROGRAMS))
	@install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system etc/systemd/*.service
	@install -D -m 644 -t $(DESTDIR)/usr/share/man/man1 docs/man/*.1
	@install -D -m 644 -t $(DESTDIR)/usr/share/man/man8 docs/man/*.8
	@install -D -m 644 -t $(DESTDIR)/usr/share/doc/themis etc/themis/*.sample
	@install -d $(DESTDIR)/usr/share/bash-completion/completions
	@$(BUILD)/themis completion bash >$(DESTDIR)/usr/share/bash-completion/completions/themis
debug:
	@$(STEP) build cargo build --workspace --bins --locked
format:
	@$(STEP) format cargo fmt --all --check
lint:
	@$(STEP) clippy cargo clippy --workspace --all-targets --locked -- -D warnings
tidy:
	@$(STEP) tidy cargo run --quiet --locked -p xtask -- tidy
unit: packages ## all tests, with a private MariaDB and RabbitMQ
	@$(STEP) tests .ci/unit
doctest:
	@$(STEP) doctests cargo test --workspace --doc --locked
labtest:
	@$(STEP) lab-tests /usr/bin/python3 -B -m unittest discover -s lab -t lab -p 'test_*.py'
	@$(STEP) contract-differences env PYTHONPATH=interop /usr/bin/python3 -B -m unittest masakari_contract.test_differences
soak-share: packages
	@$(STEP) soak .ci/soak 3
fuzz-api: packages debug ## thousands of requests made from the OpenAPI document, against the running API
	@$(STEP) fuzz-api .ci/fuzz-api
contract-newest: packages debug
	@$(STEP) contract .ci/contract newest
scenarios: packages debug ## failures played on a lab of its own (LAB_ID=test)
	@$(STEP) scenarios .ci/scenarios

lab-up: release ## the lab alone (lab/lab help)
	@lab/lab up $(HOSTS)
lab-down: ## stop it
	@lab/lab down
lab-wipe: ## stop it and remove its state
	@lab/lab wipe
lab-status: ## what runs there
	@lab/lab status

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := page docs
NODE_MODULES := $(NPM:%=%/node_modules)
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SOURCES := webhook certs charts tests tools benchmarks

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/run ## Start the service on https://127.0.0.1:8443 and send it one captured review
	@$(BIN)/python -m webhook try --review tests/reviews/spark-3.5.2-executor-1.json $(ARGS)

.PHONY: test
test: $(VENV)/dev ## Run every test that this machine can run, and list those left out
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: coverage
coverage: $(VENV)/dev ## Run the tests as `make test` does, and report the lines that none of them runs
	@rm -f $(COVERAGE_FILE) $(COVERAGE_FILE).*
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
# Two calls at the same time need two files.
export COVERAGE_FILE ?= $(CURDIR)/.coverage

.PHONY: fast
fast: $(VENV)/dev ## Run every test but the slow ones, such as the attacks, the control plane, the image and what browsers and outside judges say
	@$(BIN)/python -m pytest $(addprefix --ignore=tests/,$(SLOW)) $(ARGS)
SLOW := attack browser e2e image release spark/judge adopt/test_fleet.py adopt/test_growth.py cli/test_late_contexts.py \
	documents/test_checkers.py test_lock.py page/test_editor.py values/test_equal.py values/test_gitlab.py \
	values/test_workflows.py

.PHONY: lint
lint: $(VENV)/dev ## Check style, formatting and imports
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/dev ## Format the code and apply the safe fixes
	@$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	@$(BIN)/ruff format $(SOURCES)

.PHONY: docs
docs: $(VENV)/dev npm ## Check tables, links, headings and spelling of all documents
	@$(BIN)/python -m pytest tests/documents/test_checkers.py $(ARGS)

.PHONY: types
types: $(VENV)/dev ## Check the types of code and tests
	@$(BIN)/mypy

.PHONY: bench
bench: $(VENV)/dev ## Compare the service with a bare ASGI callable on plain uvicorn
	@$(BIN)/python -m benchmarks

.PHONY: bench-overflow
bench-overflow: $(VENV)/dev ## Measure the overflow controller at 36,000 pods, with the control plane in $KUBEBUILDER_ASSETS
	@$(BIN)/python -m benchmarks.overflow $(ARGS)

.PHONY: bench-page
bench-page: $(VENV)/dev ## Measure what the page costs the admissions, with 20 live views and somebody typing
	@$(BIN)/python -m benchmarks.page

.PHONY: golden
golden: $(VENV)/dev ## Rewrite the expected files of the tests, to review their diff
	@$(BIN)/python -m tests.golden

.PHONY: fields
fields: $(VENV)/dev ## Read the operator's fields in release VERSION from the CRDs in the folder CRDS
	@$(BIN)/python -m tools.crd_fields "$(VERSION)" "$(CRDS)"

.PHONY: npm
npm: $(NODE_MODULES:%=%/.package-lock.json) ## Install the packages that `make page` and some tests need (needs node and npm)

.PHONY: page
page: npm ## Bundle the editor of the page, and collect the licences of what is in the bundle
	@node page/build.js webhook/page/static

.PHONY: mutants
mutants: $(VENV)/dev ## Break webhook/core in 200 small ways, and list the changes that no test notices
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: fleet
fleet: $(VENV)/dev ## Adopt 500 application files drawn by the word SEED, and let both Sparks judge all of them
	@echo "the fleet of SEED=$(SEED)"
	@FLEET_SEED=$(SEED) FLEET_FILES=500 FLEET_SPARK_4=1 $(BIN)/python -m pytest tests/adopt/test_fleet.py $(ARGS)
SEED := $(shell date +%s)

.PHONY: e2e
e2e: $(VENV)/dev ## Test against the real control plane in $KUBEBUILDER_ASSETS
	@$(BIN)/python -m pytest tests/e2e $(ARGS)

.PHONY: spark
spark: $(VENV)/spark $(VENV)/spark-4/jars ## Install Spark's client, and the jars of Spark 4, for the tests with real Spark (they also need Java 17)

.PHONY: reviews
reviews: spark ## Capture the reviews of the pods that real Spark 4 makes, with the control plane in $KUBEBUILDER_ASSETS
	@$(BIN)/python -m tests.e2e.capture $(ARGS)

.PHONY: reliability
reliability: $(VENV)/dev ## Run the load and fault tests at full size, and rewrite docs/reliability.md
	@RELIABILITY_SCALE=1 RELIABILITY_REPORT=docs/reliability.md $(BIN)/python -m pytest tests/e2e tests/reliability $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/dev ## Send a million invalid inputs
	@$(BIN)/python -m tests.reliability.fuzz $(ARGS)

.PHONY: soak
soak: $(VENV)/dev ## Load the service for half an hour, and check that memory does not grow
	@$(BIN)/python -m tests.reliability.soak $(ARGS)

.PHONY: attack
attack: $(VENV)/dev ## Attack the service in every known way for 40 minutes, and judge memory, turns and lost reviews
	@$(BIN)/python -m tests.attack $(ARGS)

.PHONY: screenshots
screenshots: $(VENV)/dev ## Take the pictures of the page that the README shows (needs chromium)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

.PHONY: image
image: ## Build the image $IMAGE with buildah, tagged with its version, and print its size
	@$(BUILDAH) build $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(TAG) .
	@$(BUILDAH) images $(TAG)
IMAGE ?= spark-eci-webhook
# The chart pulls the same tag: a test compares them.
TAG = $(IMAGE):$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' webhook/__init__.py)
BUILDAH := buildah

.PHONY: push
push: ## Push the image that `make image` built to the registry in $IMAGE
	@$(BUILDAH) push $(TAG)

.PHONY: index
index: ## Join the release's images of both architectures in dist/ to one OCI archive with an index
	@$(if $(wildcard $(ARCHIVE)-amd64.oci.tar),,echo "error: $(ARCHIVE)-amd64.oci.tar: not found; accepted: what make release builds" >&2; exit 2)
	@$(if $(wildcard $(ARCHIVE)-arm64.oci.tar),,echo "error: $(ARCHIVE)-arm64.oci.tar: not found; accepted: what make release builds" >&2; exit 2)
	@rm -f $(ARCHIVE).oci.tar
	@$(BUILDAH) rmi $(INDEX) >/dev/null 2>&1 || true
	@trap '$(BUILDAH) rmi $(INDEX) >/dev/null' EXIT && $(BUILDAH) manifest create $(INDEX) >/dev/null \
		&& $(BUILDAH) manifest add $(INDEX) oci-archive:$(ARCHIVE)-amd64.oci.tar >/dev/null \
		&& $(BUILDAH) manifest add $(INDEX) oci-archive:$(ARCHIVE)-arm64.oci.tar >/dev/null \
		&& $(BUILDAH) manifest push --quiet --all --format oci $(INDEX) oci-archive:$(ARCHIVE).oci.tar:$(notdir $(TAG))
INDEX = localhost/index-of-$(notdir $(TAG))
ARCHIVE = dist/spark-eci-webhook-$(lastword $(subst :, ,$(TAG)))

.PHONY: base
base: ## Pin the newest base image in the Dockerfile (needs skopeo and its registry)
	@index=$$(mktemp) && trap 'rm -f "$$index"' EXIT && skopeo inspect --raw docker://$(BASE) >"$$index" \
		&& sed -i "s|^ARG BASE_IMAGE=.*|ARG BASE_IMAGE=$(BASE)@sha256:$$(sha256sum <"$$index" | cut -d ' ' -f 1)|" Dockerfile
BASE := python:3.13-slim

.PHONY: audit
audit: $(VENV)/dev ## Look for known vulnerabilities in requirements.lock (needs the internet)
	@$(BIN)/uv tool run pip-audit --require-hashes --disable-pip -r requirements.lock

.PHONY: packages
packages: $(VENV)/dev ## Build wheel, sdist and chart of the commit into dist/, with their bills of materials, checksums and provenance
	@$(BIN)/python -m tools.release --packages $(ARGS)

.PHONY: release
release: $(VENV)/dev ## Build the same and the image of this architecture, as an OCI archive (needs buildah)
	@BUILDAH="$(BUILDAH)" $(BIN)/python -m tools.release $(ARGS)

.PHONY: lock
lock: $(VENV)/dev ## Pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --upgrade $(LOCK) pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile --upgrade $(LOCK) pyproject.toml --group dev --override requirements-dev.overrides --output-file requirements-dev.lock
	@$(BIN)/uv pip compile --upgrade $(LOCK) --group pyproject.toml:spark --output-file requirements-spark.lock
	@$(BIN)/uv pip compile --upgrade $(LOCK) --no-deps --group pyproject.toml:spark-4 --output-file requirements-spark-4.lock
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove what the other targets created
	@rm -rf $(VENV) $(NODE_MODULES) build dist .local .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, but $(PYTHON) is {sys.version.split()[0]}: call make with PYTHON=python3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: requirements.lock | $(VENV)/bin/python
	@echo "installing requirements.lock into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "installing requirements-dev.lock into $(VENV)"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json %/package.json
	@echo "installing $*/package-lock.json into $*/node_modules"
	@npm --prefix $* --loglevel error ci
	@touch $@

$(VENV)/spark: requirements-spark.lock | $(VENV)/dev
	@echo "installing requirements-spark.lock into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-spark.lock
	@touch $@

# Two versions of pyspark cannot be in one environment, and building its wheel takes a minute, so only the jars are unpacked.
$(VENV)/spark-4/jars: requirements-spark-4.lock | $(VENV)/dev
	@echo "unpacking the jars of requirements-spark-4.lock into $(VENV)/spark-4"
	@rm -rf $(VENV)/spark-4
	@$(PIP) download --require-hashes --no-deps --no-binary :all: -r requirements-spark-4.lock --dest $(VENV)/spark-4
	@tar --extract --gzip --touch --file $(VENV)/spark-4/*.tar.gz --directory $(VENV)/spark-4 --strip-components 2 --wildcards 'pyspark-*/deps/jars'
	@rm $(VENV)/spark-4/*.tar.gz

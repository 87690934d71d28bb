# Every target sets up what it needs from nothing but python3 (3.11 to 3.13) with its venv module.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: checkov pictures fair validators fidelity page readers demo test newest test-newest run-newest check format lint types imports network clean bench synth deploy image-check image-lock

# 3.11 to 3.13 and venv, or a word on what is missing
define CHECK_PYTHON
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "python 3.11 to 3.13 is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
		|| { echo "python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
endef

$(READY): pyproject.toml constraints.txt
	$(CHECK_PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what develops and tests it: 2.4 GB, some minutes, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	touch $(READY)

# What the demonstration needs and no more: no linters, no CDK, no readers of rare formats.
DEMO_VENV := .venv-demo
DEMO_READY := $(DEMO_VENV)/.ready

$(DEMO_READY): SHELL := bash
$(DEMO_READY): .SHELLFLAGS := -o pipefail -c
$(DEMO_READY): pyproject.toml constraints.txt
	$(CHECK_PYTHON)
	@test -x $(DEMO_VENV)/bin/python || $(PYTHON) -m venv $(DEMO_VENV)
	@echo "installing what the demonstration needs into $(DEMO_VENV), once; a minute or more:"
	@$(DEMO_VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-compile \
		--constraint constraints.txt --editable '.[demo]' \
		| awk '/^Collecting/ {n++; printf "\r  %d packages", n; fflush()} \
			/^Installing collected/ {printf ", installing them"; fflush()} END {print ""}'
	@touch $(DEMO_READY)

# The CDK's command line and the checker of state machines; without Node the tests of the stack are skipped.
NODE_READY := $(if $(shell command -v npm),node_modules/.ready viewer/node_modules/.ready)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

node_modules/.ready: package.json package-lock.json
	npm ci --loglevel error --no-audit --no-fund --no-update-notifier
	touch $@

viewer/node_modules/.ready: viewer/package.json viewer/package-lock.json
	cd viewer && npm ci --loglevel error --no-audit --no-fund --no-update-notifier
	touch $@

page: viewer/node_modules/.ready  ## build the page that shows results, viewer/ -> sparc_fuse_core/page; needs Node
	cd viewer && npm run --silent build

pictures: $(READY)  ## the page in headless Chromium: pictures and what a visit takes -> docs/pictures, docs/page.md
	$(BIN)/python -m benchmarks.page $(ARGS)

demo: $(DEMO_READY)  ## sample dataset -> Zarr and OME-Zarr -> checked, opened and drawn
	$(DEMO_VENV)/bin/python -m rehearsal.demo .demo

test: $(READY) $(NODE_READY)  ## all tests that need no network
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

# A good part of the suite with the newest libraries on the newest Python here; nothing is pinned.
# zarr after 3.1 needs Python 3.12. No machine of ours has had 3.14: pyproject.toml does not allow it yet.
NEWEST ?= $(firstword $(foreach v,3.13 3.12,$(shell python$(v) -c 'import sys; print(sys.executable)' 2>/dev/null) \
	$(wildcard $(HOME)/.pyenv/versions/$(v).*/bin/python$(v))))
NEWEST_VENV := .venv-newest
NEWEST_TESTS := tests/unit/writers tests/unit/opening tests/unit/storage tests/unit/verify tests/unit/test_use.py \
	tests/integration/test_openers.py tests/integration/test_few_requests.py tests/integration/test_first_contact.py \
	tests/integration/test_local_run.py tests/integration/test_api.py

$(NEWEST_VENV)/.ready: pyproject.toml
	test -x $(NEWEST_VENV)/bin/python || $(NEWEST) -m venv $(NEWEST_VENV)
	$(NEWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
		--editable '.[all,s3,rehearsal]' hypothesis jsonschema neo pytest pytest-xdist
	touch $@

# only the environment: that it can be made is the index's affair, not this project's
newest:
	@newest="$(NEWEST)"; if [ -n "$$newest" ]; then $(MAKE) --no-print-directory $(NEWEST_VENV)/.ready NEWEST="$$newest"; fi

test-newest:  ## what may break first, on the newest Python with the newest libraries
	@newest="$(NEWEST)"; if [ -n "$$newest" ]; then $(MAKE) --no-print-directory run-newest NEWEST="$$newest"; \
		else echo "skipped: no Python 3.12 or 3.13 here to try the newest libraries with"; fi

run-newest: $(NEWEST_VENV)/.ready
	$(NEWEST_VENV)/bin/python -m pytest -q -n 2 --dist loadfile $(NEWEST_TESTS)

# The formats' own validators want older libraries than the project: environments of their own.
FAIR := build/fair

$(FAIR)/%/.ready: tests/fair/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

validators: $(FAIR)/crate/.ready $(FAIR)/tables/.ready

fair: $(READY) validators  ## what describes a dataset (RO-Crate, Croissant, DataCite, CITATION.cff), by its formats' validators
	$(BIN)/python -m pytest -q tests/fair

fidelity: $(READY)  ## all samples converted, each read by another library too; SAMPLES=folder for more
	$(BIN)/python -m benchmarks.fidelity $(SAMPLES)

check: $(READY)  ## format, lint, types, import rules, mapping schemes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sparc-fuse scheme check
	$(BIN)/python -m sparc_fuse_core.command.generated --check

format: $(READY)  ## format, mend what can be mended, write the generated parts of the documents
	$(BIN)/python -m sparc_fuse_core.command.generated
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## measure beside peers and a hand-written floor; half an hour, 15 GB below build/
	$(BIN)/python -m benchmarks

synth: $(READY) $(NODE_READY)  ## CloudFormation template in cdk.out; needs Node, no credentials and no Docker
	@command -v npx >/dev/null || { echo "Node is missing; on Debian: apt-get install nodejs npm"; exit 1; }
	npx --no cdk synth --quiet

# checkov wants older libraries than the project: an environment of its own
CHECKOV := build/checkov

$(CHECKOV)/.ready: tests/infrastructure/checkov.txt
	test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

checkov: synth $(CHECKOV)/.ready  ## what checkov finds in the template, beside what is acknowledged with a reason
	$(BIN)/python -m tests.infrastructure.checkov $(CHECKOV)/bin/checkov cdk.out/*.template.json

deploy: synth  ## build the images and deploy to the account of your AWS credentials; asks first
	@echo "Builds both images with Docker, pushes them, and creates or updates the stack in the region of"
	@echo "cdk.json, in the account of your credentials. Once for each account and region: npx cdk bootstrap"
	npx --no cdk deploy --app cdk.out --require-approval broadening

image-check: $(READY)  ## build both container images and convert through each; needs buildah, debootstrap, root
	$(BIN)/python -m containers.image_check $(ARGS)

image-lock: $(READY)  ## renew the images' lock files and their page of licences after a change of dependencies
	$(BIN)/python -m containers.lock
	$(BIN)/python -m containers.licences > docs/licences.md

readers: $(READY)  ## independent readers on one store of every kind -> docs/readers.md; installs below build/readers
	$(BIN)/python -m tests.readers.matrix $(ARGS)

network: $(READY)  ## opt-in tests against the live services
	$(BIN)/python -m pytest -q -m network tests/network

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(NEWEST_VENV) .demo build node_modules cdk.out

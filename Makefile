# Each target sets up what it needs by itself. `make` alone prints what there is.

PYTHON ?= python3
STAGE ?= dev
PIP_FLAGS = --quiet --disable-pip-version-check --no-input
LOCAL = .venv
DEV = .venv-dev
TRAINING = .venv-training
RIVAL = build/toolkit
# A file of tests per processor, in order: what a file sets up, it sets up once.
AT_ONCE = --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo up backfill chain test check format bench bench-api bench-endpoint fuzz soak image deploy destroy dead-letters redrive clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(LOCAL)/.done ## photos in, alerts out, on this machine; IMAGES=folder PHOTOS=n takes real photos, CAPTURE=folder keeps traffic
	@$(LOCAL)/bin/python -m local demo $(if $(IMAGES),--images "$(IMAGES)") $(if $(PHOTOS),--photos $(PHOTOS)) \
	  $(if $(CAPTURE),--capture "$(CAPTURE)")

up: $(LOCAL)/.done ## the same stack, left running until Ctrl-C, with the page, who may sign in, URL and token; CAPTURE=folder
	@$(LOCAL)/bin/python -m local up $(if $(CAPTURE),--capture "$(CAPTURE)")

backfill: $(LOCAL)/.done ## judge 5,000 photos that lie in the bucket already, on this machine; PHOTOS=n
	@$(LOCAL)/bin/python -m local backfill $(if $(PHOTOS),--photos $(PHOTOS))

chain: $(LOCAL)/.done $(TRAINING)/.done ## every stage of training on a local S3, in small; IMAGES=folder PHOTOS=n OUT=folder WEIGHTS=file
	@$(LOCAL)/bin/python -m local chain $(if $(IMAGES),--images "$(IMAGES)") $(if $(PHOTOS),--photos $(PHOTOS)) \
	  $(if $(OUT),--out "$(OUT)") $(if $(WEIGHTS),--backbone-weights "$(WEIGHTS)")

test: ## the gate and every other test
	@$(MAKE) --no-print-directory --jobs 2 $(DEV)/.done $(TRAINING)/.done
	@$(MAKE) --no-print-directory check
	$(DEV)/bin/python -m pytest $(AT_ONCE) tests/contract tests/integration tests/conformance tests/browser -m "not torch"
	OMP_NUM_THREADS=1 $(TRAINING)/bin/python -m pytest $(AT_ONCE) $(wildcard tests/*/test_training_*.py) -m torch

check: $(DEV)/.done ## the gate: format, lint, types, rooms, fast tests
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/hadolint training/serving/Dockerfile
	PYTHONPATH=. $(DEV)/bin/lint-imports
	$(DEV)/bin/python -m pytest $(AT_ONCE) tests/unit -m "not torch"

format: $(DEV)/.done ## put the code into its format
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

bench: $(LOCAL)/.done $(RIVAL)/.done ## measure: imports, 2,000 photos at once, and the endpoint beside AWS's toolkit
	@$(LOCAL)/bin/python -m local bench
	@$(LOCAL)/bin/python -m local bench-endpoint

bench-api: $(LOCAL)/.done ## the API's routes over 20,000 bins and 100,000 photos, beside the bare queries; BINS=n PHOTOS=n
	@$(LOCAL)/bin/python -m local bench-api $(if $(BINS),--bins $(BINS)) $(if $(PHOTOS),--inspections $(PHOTOS))

bench-endpoint: $(LOCAL)/.done $(RIVAL)/.done ## the endpoint alone; IMAGES=folder takes real photos, QUICK=1 a minute
	@$(LOCAL)/bin/python -m local bench-endpoint $(if $(IMAGES),--images "$(IMAGES)") $(if $(QUICK),--quick)

fuzz: $(DEV)/.done ## ten thousand malformed photos against the model server
	$(DEV)/bin/python -m pytest tests/conformance -m fuzz

soak: $(DEV)/.done ## twenty thousand photos against the model server, whose memory must stay flat
	$(DEV)/bin/python -m pytest tests/conformance -m soak -s

image: ## build the endpoint's container (needs Docker); MODEL=models/bin-counter puts a model inside
	docker build -f training/serving/Dockerfile -t bincheck-serving \
	  $(if $(MODEL),--target with-model --build-arg MODEL=$(MODEL),--target server) .

deploy: $(LOCAL)/.done ## package and deploy to your AWS account: shows what will change, and asks; STAGE=dev
	@$(LOCAL)/bin/python -m ops deploy --stage $(STAGE)

destroy: $(LOCAL)/.done ## take the deployment back, keeping bucket and table; asks; STAGE=dev
	@$(LOCAL)/bin/python -m ops destroy --stage $(STAGE)

dead-letters: $(LOCAL)/.done ## list the messages that could not be worked off, with their reasons; STAGE=dev
	@$(LOCAL)/bin/python -m ops dead-letters list --stage $(STAGE)

redrive: $(LOCAL)/.done ## send the dead letters back to the inbox; STAGE=dev
	@$(LOCAL)/bin/python -m ops dead-letters redrive --stage $(STAGE)

clean: ## remove environments and caches
	rm -rf $(LOCAL) $(DEV) $(TRAINING) build .chalice/deployments .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(LOCAL)/.done: requirements/local.txt requirements/serving.txt requirements.txt requirements/constraints.txt
$(DEV)/.done: requirements/dev.txt requirements/local.txt requirements/serving.txt requirements.txt requirements/constraints.txt
$(TRAINING)/.done: requirements/training.txt requirements/serving.txt requirements/constraints.txt
$(RIVAL)/.done: requirements/bench.txt requirements/training.txt requirements/serving.txt requirements/constraints.txt

%/.done:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Bincheck needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $* ..."
	@test -x $*/bin/python || $(PYTHON) -m venv $*
	@$*/bin/python -m pip install $(PIP_FLAGS) -r requirements/$(NAME_$*).txt
	@touch $@

NAME_$(LOCAL) = local
NAME_$(DEV) = dev
NAME_$(TRAINING) = training
NAME_$(RIVAL) = bench

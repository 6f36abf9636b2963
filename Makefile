.DEFAULT_GOAL := help
bin := .venv/bin
profile ?= cpu
# On all cores.
fast := $(bin)/pytest -q -n auto --maxprocesses 8 -m "not engine and not e2e and not gpu and not soak"
# Engines keep to a thread or two: on two cores two of their files run side by side.
engines := $(bin)/pytest -q -n auto --maxprocesses 4 --dist loadfile -m "engine and not e2e and not gpu and not soak"
# Whole calls keep to the real clock: they have the machine to themselves, as those in a browser have.
calls := $(bin)/pytest -m "e2e and not gpu and not soak" --ignore tests/browser
browser := $(bin)/pytest tests/browser

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: ## Make .venv from the lock file
	@scripts/venv.sh

models: venv ## Fetch the models of a profile (profile=cpu)
	@$(bin)/voicepipe models pull --profile $(profile)

demo: models ## Start the service, call it and hear the answers
	@$(bin)/voicepipe demo --profile $(profile)

serve: models ## Run the service
	@$(bin)/voicepipe serve --profile $(profile)

test: venv ## Run all tests (fetches models, recordings, an Ollama server and a Chromium first)
	@$(bin)/voicepipe models pull --profile cpu --tests
	@scripts/recordings.sh
	@scripts/fonts.sh
	@scripts/ollama.sh
	@[ -n "$$VOICEPIPE_NO_BROWSER" ] || { scripts/chromium.sh && scripts/openai_client.sh; }
	@$(engines)
	@$(fast)
	@$(calls)
	@$(browser)

test-fast: venv ## Run the tests that need no model
	@$(fast)

soak: venv ## Try tens of thousands of random callers, new ones each time, and what takes long (models as for make test)
	@$(bin)/pytest -q -m soak

check: lint test-fast ## Format, lint, types, layers, contract and the fast tests

lint: venv ## Format, lint, types, layers and contract: all of check but the tests
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@scripts/protos.sh --check

ollama: ## Find an Ollama server's binary, or build it; the last line is its path
	@scripts/ollama.sh

chromium: ## Find a Chromium, or install Debian's; the last line is its path
	@scripts/chromium.sh

format: venv ## Put the code into its format
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

protos: venv ## Generate the code of the contract
	@scripts/protos.sh

.PHONY: help venv models demo serve test test-fast soak check lint ollama chromium format protos

# One command each: demo, test, serve, bench, check.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export TOKENIZERS_PARALLELISM := false
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: demo test serve night bench bench-acquisition bench-audit bench-beliefs bench-bot bench-choosing bench-compression bench-faults bench-forecast bench-kill bench-kinds bench-night bench-poison bench-prior bench-words check lint clean

demo: .venv/.demo  ## the whole loop in a browser, no token needed; ARGS=--once ends after the table
	$(BIN)/crowdloop demo $(ARGS)

serve: .venv/.demo  ## the bot, with the token from the environment
	$(BIN)/crowdloop serve $(ARGS)

night: .venv/.demo  ## the night of every campaign that is due
	$(BIN)/crowdloop night $(ARGS)

test: .venv/.test  ## everything
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## what must be green before a change lands

bench: bench-bot bench-forms bench-routing bench-kill bench-beliefs bench-kinds bench-night

bench-bot: .venv/.test  ## our bot against a bare PTB bot and raw aiohttp
	$(BIN)/python -m tests.benchmarks.bench_bot $(ARGS)

bench-beliefs: .venv/.bench  ## beliefs against crowd-kit on recorded crowds
	$(BIN)/python -m tests.benchmarks.bench_beliefs $(ARGS)

bench-acquisition: .venv/.bench  ## which questions teach most, beside small-text
	$(BIN)/python -m tests.benchmarks.bench_acquisition $(ARGS)

bench-choosing: .venv/.bench  ## the whole loop beside ActiveLab, small-text and three votes
	$(BIN)/python -m tests.benchmarks.bench_choosing $(ARGS)

bench-prior: .venv/.bench  ## what the network's voice saves the crowd, beside CROWDLAB
	$(BIN)/python -m tests.benchmarks.bench_prior $(ARGS)

bench-audit: .venv/.test  ## do audit intervals hold the truth under active choice, beside the naive ones
	$(BIN)/python -m tests.benchmarks.bench_audit $(ARGS)

bench-forecast: .venv/.test  ## do the answers to come lie in the forecast's interval
	$(BIN)/python -m tests.benchmarks.bench_forecast $(ARGS)

bench-kinds: .venv/.bench  ## ratings, sets of labels, numbers and pairs against crowd-kit
	$(BIN)/python -m tests.benchmarks.bench_kinds $(ARGS)

bench-words: .venv/.bench  ## marked words: readings of the same marks, and a night by what it was taught
	$(BIN)/python -m tests.benchmarks.bench_words $(ARGS)

bench-kill: .venv/.test  ## kill -9 thirty times under load
	$(BIN)/python -m tests.journeys.killing $(ARGS)

bench-faults: .venv/.test  ## nights killed thirty times, full disks, short memory
	$(BIN)/python -m tests.journeys.night_faults $(ARGS)

bench-poison: .venv/.test  ## two hundred and fifty rows with a trigger, with the caps and without
	$(BIN)/python -m tests.benchmarks.bench_poison $(ARGS)

bench-forms: .venv/.bench  ## thumb-seconds of 77 intents by the form of the questions
	$(BIN)/python -m tests.benchmarks.bench_forms $(ARGS)

bench-routing: .venv/.bench  ## choosing by worth against choosing at random; how long a choice takes
	$(BIN)/python -m tests.benchmarks.bench_routing $(ARGS)

bench-night: .venv/.test  ## the trainer on three text sets and digits
	$(BIN)/python -m tests.benchmarks.bench_night $(ARGS)

bench-compression: .venv/.test  ## an exported version as it is, as ONNX and with int8 weights
	$(BIN)/python -m tests.benchmarks.bench_compression $(ARGS)

bench-promotion: .venv/.test  ## does the gate let the better version through, and only that one
	$(BIN)/python -m tests.benchmarks.bench_promotion $(ARGS)

.venv/.python:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.demo: pyproject.toml constraints.txt | .venv/.python
	$(PIP) -e ".[offline]"
	touch $@

.venv/.test: pyproject.toml constraints.txt | .venv/.python
	$(PIP) -e ".[offline,test]"
	touch $@ .venv/.demo

.venv/.bench: pyproject.toml constraints.txt | .venv/.python
	$(PIP) -e ".[offline,test,bench]"
	touch $@ .venv/.test .venv/.demo

clean:
	rm -rf .venv state .mypy_cache .ruff_cache .pytest_cache .hypothesis

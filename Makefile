.PHONY: setup quick test full long check fix types coverage times demo docs bench kills chaos fuzz evaluate hosts
PYTHON := .venv/bin/python
setup: ; .ci/run install
quick: ; .ci/run format lint imports unit
test: ; .ci/run test
full check: ; .ci/run
long: ; .ci/run long
fix: ; .venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix . && .venv/bin/ruff format -q .
types: ; .ci/run types
coverage: ; .ci/run coverage
# What is promised in seconds, measured; on a machine that does nothing else.
times: ; FERMATA_TEST_TIMES=1 $(PYTHON) -m pytest -q tests/e2e/test_lifecycle.py tests/e2e/test_http.py tests/faults/test_kill.py
demo: ; .venv/bin/fermata-mcp extend examples/groove.wav --by 22
docs: ; $(PYTHON) docs/generate.py
bench: ; $(PYTHON) benchmarks/startup.py && $(PYTHON) benchmarks/local_speed.py
kills: ; cd tests && ../$(PYTHON) -m chaos.kills && ../$(PYTHON) -m chaos.kills --control
chaos: ; $(PYTHON) tests/chaos/chaos.py --kills 220 && $(PYTHON) tests/chaos/chaos.py --kills 20 --control
fuzz: ; cd tests && for door in stdio http; do ../$(PYTHON) -m chaos.fuzz --door $$door || exit; done && ../$(PYTHON) -m chaos.bombs
fuzz-http: ; FUZZ_REQUESTS=10000 $(PYTHON) -m pytest -q -s tests/faults/test_fuzz_http.py
# What people ask, asked for real: a table for docs/evaluation.md. Tokens and tdqs are left out where they do not install.
evaluate:
	-npm ci --prefix tests/evaluation/tokens --ignore-scripts --no-audit --no-fund --loglevel=error
	-.venv/bin/pip install -q --disable-pip-version-check tdqs
	cd tests && ../$(PYTHON) -m evaluation.run --write
# Every client and host of docs/clients.md, installed and run; HOSTS takes names, and --write to write the page.
HOSTS :=
hosts: ; .ci/run hosts && cd tests && ../$(PYTHON) -m hosts.run $(HOSTS)

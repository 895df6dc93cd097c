.PHONY: check demo docs bench kills fuzz
check: ; .ci/run
demo: ; .venv/bin/fermata-mcp extend examples/groove.wav --by 20
docs: ; .venv/bin/python docs/generate.py
bench: ; .venv/bin/python benchmarks/startup.py && .venv/bin/python benchmarks/local_speed.py
kills: ; cd tests && ../.venv/bin/python -m chaos.kills && ../.venv/bin/python -m chaos.kills --control
fuzz: ; cd tests && ../.venv/bin/python -m chaos.fuzz --door stdio && ../.venv/bin/python -m chaos.fuzz --door http && ../.venv/bin/python -m chaos.bombs

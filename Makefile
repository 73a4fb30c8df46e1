# Short names for what run.py does; it needs no make.
.PHONY: run test bench

run:
	python3 run.py

test:
	python3 run.py test

# The benchmarks measure what the tests have installed.
bench: .venv/holdpoint.json
	.venv/bin/python -m bench

.venv/holdpoint.json:
	python3 run.py test --collect-only -q

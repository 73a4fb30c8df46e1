# Short names for what run.py does; it needs no make.
.PHONY: run test bench faults

run:
	python3 run.py

test:
	python3 run.py test

# The benchmarks measure what the tests have installed.
bench: .venv/holdpoint.json
	.venv/bin/python -m bench

.venv/holdpoint.json:
	python3 run.py test --collect-only -q

# Faults caused on purpose: some hours; with SHORT=1 the few minutes that the tests run; NAMES="..." picks some.
faults: .venv/holdpoint.json
	.venv/bin/python -m tests.faults $(if $(SHORT),--short) $(NAMES)

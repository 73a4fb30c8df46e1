"""`python -m bench [case ...]`: throughput, live, streaming, evidence, checkpoints, prune; else all of them.

Run it with python3 run.py's .venv.
"""

import sys

from bench.desk import open_desk

CASES = ("throughput", "live", "streaming", "evidence", "checkpoints", "prune")


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(CASES))
    if unknown:
        sys.exit(f"There is no such case: {', '.join(unknown)}. There are: {', '.join(CASES)}.")
    with open_desk() as desk:
        # Django's models can be imported only now that the services' addresses are known.
        from bench import checkpoints, evidence, live, prune, streaming, throughput  # noqa: PLC0415

        measure = {
            "throughput": throughput.measure,
            "live": live.measure,
            "streaming": streaming.measure,
            "evidence": evidence.measure,
            "checkpoints": checkpoints.measure,
            "prune": prune.measure,
        }
        for name in names or CASES:
            measure[name](desk)


main(sys.argv[1:])

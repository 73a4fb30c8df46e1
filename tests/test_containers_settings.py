"""What an operator may set reaches the processes in containers, and what they have not set changes nothing."""

import ast
import re
import subprocess
import sys

import yaml

from tests.test_containers import PROGRAMS, ROOT, SECRETS, interpolated, services

SETTING = re.compile("(HOLDPOINT|DATABASE|REDIS|LANGGRAPH|ANTHROPIC|OPENAI|OLLAMA)_[A-Z_]+")
# Read by the code, and not for an operator of containers to set.
NOT_PASSED = {
    "HOLDPOINT_LOCAL": "for one machine without https",
    "HOLDPOINT_DEBUG": "for developers",
    "HOLDPOINT_COLLECTING": "set while the image is built",
    "HOLDPOINT_DATABASE_POOL": "set by the web process itself",
    "HOLDPOINT_METRICS_DIR": "for several processes in one container; here each has its own",
    "LANGGRAPH_CHECKPOINT_DB": "an old name of HOLDPOINT_CHECKPOINTS",
    "LANGGRAPH_POSTGRES_CONNECTION": "another one",
    "LANGGRAPH_STRICT_MSGPACK": "set by the settings themselves",
    "DATABASE_URL_FILE": "the address holds no password here",
    "REDIS_URL_FILE": "the address holds no password here",
}


def settings_of_the_code() -> set[str]:
    files = [*(ROOT / "approvals").rglob("*.py"), *(ROOT / "chains").rglob("*.py")]
    found = (node for file in files if "embedded" not in file.parts for node in ast.walk(ast.parse(file.read_text())))
    texts = (node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {text for text in texts if SETTING.fullmatch(text)}


def test_whatever_the_code_reads_can_be_set_in_containers() -> None:
    read, passed = settings_of_the_code(), services()["web-a"]["environment"]
    by_file = set(re.findall(r"`((?!NAME)[A-Z_]+_FILE)`", (ROOT / "docs/deploying.md").read_text()))

    assert {"HOLDPOINT_RECORD_KEYS_OLD", "HOLDPOINT_RETENTION", "HOLDPOINT_SECOND_FACTOR"} < read
    assert {"HOLDPOINT_RECORD_KEYS_OLD_FILE", "HOLDPOINT_CHECKPOINTS_FILE"} < by_file
    assert [name for name in sorted(read) if not {name, f"{name}_FILE"} & {*passed, *NOT_PASSED}] == []
    assert sorted(by_file - passed.keys() - NOT_PASSED.keys()) == []
    assert [name for name in NOT_PASSED if name in passed or name.removesuffix("_FILE") not in read] == []


def test_what_nobody_has_set_is_as_if_it_were_not_named() -> None:
    given = {name: str(value or "") for name, value in services()["web-a"]["environment"].items()}
    given |= {"DATABASE_URL": "postgresql://u@127.0.0.1/name", "REDIS_URL": "redis://127.0.0.1/0"}
    files = {name for name, value in given.items() if value.startswith("/run/secrets/")}
    set_here = {name: value for name, value in given.items() if value and name not in files}
    secret = {"HOLDPOINT_SECRET_KEY": SECRETS["secret_key"]}
    empty = {name: "" for name, value in given.items() if not value}
    code = "import approvals.settings as s; print({n: v for n, v in vars(s).items() if n.isupper() and n != 'LOGGING'})"

    def found(environment: dict[str, str]) -> str:
        command = [sys.executable, "-c", code]
        here = {**PROGRAMS, **secret, "PYTHONHASHSEED": "0", **environment}
        return subprocess.run(command, cwd=ROOT, env=here, check=True, capture_output=True, text=True).stdout

    assert len(empty) > 30
    assert found(set_here) == found({**set_here, **empty})


def test_the_file_of_one_more_secret_reaches_whoever_reads_the_record() -> None:
    guide = (ROOT / "docs/deploying.md").read_text()
    (text,) = re.findall(r"```yaml\n(x-more.*?)```", guide, re.DOTALL)
    more = yaml.safe_load(interpolated(text, {}))
    reading = {name for name, service in services().items() if "record_key" in service.get("secrets", [])}

    assert more["services"] == {name: {"secrets": ["record_keys_old"]} for name in reading}
    assert more["secrets"] == {"record_keys_old": {"file": "./var/secrets/record_keys_old"}}
    assert "HOLDPOINT_RECORD_KEYS_OLD_FILE=/run/secrets/record_keys_old" in guide

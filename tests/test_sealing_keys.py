"""The keys of sealed checkpoints: which are refused, with what sentence, and that none is ever shown."""

import base64
import itertools
import pickle
import re
import secrets
import traceback

import pytest

from chains.checkpointers.sealing import BadKeys, Keys
from tests.sealing_desk import key_text, sealed

KEY = base64.b64encode(secrets.token_bytes(32)).decode()
SHORT = base64.b64encode(secrets.token_bytes(16)).decode()


def test_the_first_key_seals_and_all_open() -> None:
    old, new = key_text("2025"), key_text("2026-11_b")
    stored = sealed(Keys.parse(old)).dumps_typed("kept")
    both = sealed(Keys.parse(f"{new},{old}"))

    assert Keys.parse(f"{new},{old}").ids == ("2026-11_b", "2025")
    assert both.loads_typed(stored) == "kept"
    assert both.dumps_typed("kept")[0] == "seal1:2026-11_b"


def test_a_file_may_have_a_key_on_each_line() -> None:
    assert Keys.parse(f"\n{key_text('a')}\n {key_text('b')},\n").ids == ("a", "b")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty. Set it to id:key, or unset it"),
        (" ,\n", "is empty"),
        (KEY, "Item 1 of .* does not begin with an id and a colon"),
        (f":{KEY}", "does not begin with an id"),
        (f"{KEY}:one", "does not begin with an id"),
        (f"a/b:{KEY}", "does not begin with an id"),
        (f"-a:{KEY}", "does not begin with an id"),
        (f"{'a' * 33}:{KEY}", "does not begin with an id"),
        (f"one:{KEY},tw+o:{KEY}", "Item 2 of"),
        (f"one:{KEY[:-1]}", "The key 'one' in HOLDPOINT_CHECKPOINT_KEYS is not base64"),
        (f"one:{KEY[:-4]}!ab=", "is not base64"),
        (f"one:{KEY}:{KEY}", "is not base64"),
        ("one:kłódka", "is not base64"),
        ("one:", "has 0 bytes and needs 32"),
        (f"one:{SHORT}", "has 16 bytes and needs 32"),
        (f"one:{base64.b64encode(b'A' * 32).decode()}", "is not random"),
        (f"one:{base64.b64encode(b'changeme' * 4).decode()}", "is not random"),
        (f"one:{KEY},one:{key_text('x')[2:]}", "has the id 'one' twice"),
        (f"one:{KEY},two:{KEY}", "The key 'two' in .* is another one of it again"),
    ],
    ids=itertools.count(),
)
def test_what_is_no_key_is_refused_with_what_to_set(text: str, sentence: str) -> None:
    with pytest.raises(BadKeys, match=sentence) as caught:
        Keys.parse(text)

    assert not [part for part in re.split(r"[:,\s]+", text) if len(part) > 20 and part in str(caught.value)]


def error_shown(item: list[str]) -> str:
    try:
        Keys.parse(item.pop())
    except BadKeys as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    "text",
    [f"one:{KEY},one:{KEY}", f"one:{KEY},two:{SHORT}", f"one:{KEY}, {SHORT}"],
    ids=["twice", "short", "without an id"],
)
def test_a_refusal_shows_no_key_even_with_its_local_variables(text: str) -> None:
    shown = error_shown([text])

    assert "BadKeys" in shown
    assert [part for part in (KEY, SHORT) if part in shown or repr(base64.b64decode(part))[2:-1] in shown] == []


def test_keys_show_their_ids_alone_and_are_not_pickled() -> None:
    keys = Keys.parse(f"one:{KEY}")

    assert (repr(keys), str(keys)) == ("Keys(one)", "Keys(one)")
    assert KEY not in repr(vars(sealed(keys)))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(keys)

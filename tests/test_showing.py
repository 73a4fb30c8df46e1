"""Showing untrusted text and JSON."""

import pytest

from approvals import showing


@pytest.mark.parametrize(
    "letter",
    [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u00ad",
        "\ufeff",
        "\U000e0041",
        "\u0000",
        "\u001b",
        "\r",
        "\u2028",
        "\ud800",
        "\u3164",
    ],
)
def test_what_cannot_be_seen_is_named(letter: str) -> None:
    shown = showing.visible(f"a{letter}b")

    assert letter not in shown
    assert f"⟨U+{ord(letter):04X}⟩" in shown
    assert f"⟨U+{ord(letter):04X}⟩" in showing.plain(f"a{letter}b")
    shown.encode()


@pytest.mark.parametrize("text", ["Ünïcode — “quoted” 40 €", "日本語", "שלום", "line one\nline two\ttabbed", "👍"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert text in showing.visible(text)


def test_line_ends_of_browsers_are_line_ends() -> None:
    assert showing.visible("a\r\nb") == "a\nb"


def test_markup_is_text() -> None:
    assert showing.visible("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#x27;"
    assert "&lt;b&gt;" in showing.visible("<b>\u202e")
    assert "<b>" not in showing.value_html({"<b>": ["<b>"]})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, ">1.0<"),
        (1e22, ">1e+22<"),
        (10**30, f">{10**30}<"),
        (True, ">true<"),
        (None, ">null<"),
        ([], "nothing in it"),
    ],
)
def test_values_are_written_to_the_digit(value: object, shown: str) -> None:
    assert shown in showing.value_html(value)
    assert shown in showing.value_html({"amount": value}, {"properties": {"amount": {"x-unit": "€"}}})


def test_a_unit_stands_beside_its_number() -> None:
    shown = showing.facts_html(showing.labelled({"amount": 1240.5}, {"properties": {"amount": {"x-unit": "€"}}}))

    assert '<span class="num much">1240.5</span><span class="unit"><bdi>€</bdi></span>' in shown


def test_facts_have_the_words_and_the_order_of_their_schema() -> None:
    schema = {"properties": {"order_id": {"title": "Order number"}, "amount": {"title": " "}}}

    facts = showing.labelled({"amount": 1, "extraNote": "x", "order_id": "A"}, schema)

    assert [label for label, _, _ in facts] == ["Order number", "Amount", "Extra note"]
    assert showing.labelled("text", None) == [("Value", "text", None)]


def test_a_change_is_a_change_of_type_too() -> None:
    changed = showing.changed({"a": 1, "b": True, "gone": "x"}, {"a": 1.0, "b": True, "new": 2}, None)

    assert changed == [("A", 1, 1.0), ("Gone", "x", None), ("New", None, 2)]
    assert showing.changed({"a": [1]}, {"a": [1]}, None) == []


def test_long_text_is_folded_only_where_that_was_asked_for_and_never_cut() -> None:
    text = "word " * 1_000

    assert text.strip() in showing.value_html(text)
    assert "<details" not in showing.value_html(text)
    assert text.strip() in showing.value_html(text, fold=True)
    assert "Show all 5,000 characters" in showing.value_html(text, fold=True)

"""Subgraphs in the picture: opened in place, lit inside, bounded, and told in the same words."""

import itertools
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from chains.drawing import Drawing, draw, shapes
from chains.drawing.shapes import FRAME_HEAD, Group, group_of
from chains.registry import Graph
from chains.snapshots import Path, path
from tests.snapshot_graphs import Desk, Log, node
from tests.subgraph_graphs import around, fanned_out, repeated, review
from tests.test_drawing import HOSTILE, NOTHING, SVG, chain_of, graph, group, in_the_way, parsed, picture, random_graph

NESTED = around(around(review(), name="inner"), name="outer")


def holding(*inner: tuple[str, Any], alone: tuple[str, ...] = ()) -> Graph:
    """All side by side."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    for name, content in [*inner, *((name, node(name)) for name in alone)]:
        builder.add_node(name, content)
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    return builder.compile()


def looped() -> Graph:
    """Frames that lead up again, to others and to themselves, past boxes of other heights."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    builder.add_node("tall", around(review()))
    builder.add_node("low", node("low"))
    builder.add_node("last", review())
    for name in ("tall", "low"):
        builder.add_edge(START, name)
        builder.add_edge(name, "last")
    builder.add_conditional_edges("last", lambda state: END, ["tall", "low", "last", END])
    builder.add_conditional_edges("tall", lambda state: "tall", ["tall"])
    return builder.compile()


SHAPES = [
    around(review()),
    NESTED,
    looped(),
    repeated(None),
    fanned_out(None),
    holding(("one", review()), ("two", around(review())), alone=("low", "very_low_" * 6)),
    around(random_graph(2, nodes=25, loops=6)),
]


def groups(found: Group) -> Iterator[Group]:
    yield found
    for inner in found.inside.values():
        yield from groups(inner)


def boxes_in(element: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every box, where it is in the whole picture."""
    for child in element:
        if child.tag == f"{SVG}rect":
            left, top, width, height = (float(child.get(name, "nan")) for name in ("x", "y", "width", "height"))
            yield x + left, y + top, x + left + width, y + top + height
        moved = child.get("transform", "translate(0 0)").removeprefix("translate(").removesuffix(")").split()
        yield from boxes_in(child, x + float(moved[0]), y + float(moved[1]))


@pytest.mark.parametrize("shape", SHAPES)
def test_frames_overlap_nothing_and_no_edge_runs_through_one(shape: Graph) -> None:
    for found in groups(group_of(shape, NOTHING)):
        layout = found.layout
        for one, two in itertools.combinations(layout.boxes.values(), 2):
            is_beside = abs(one.x - two.x) >= (one.width + two.width) / 2 + 10
            assert is_beside or one.bottom + 10 <= two.y or two.bottom + 10 <= one.y
        for edge, points in [*layout.down.items(), *layout.up.items()]:
            for one_end, other_end in itertools.pairwise(points):
                assert not [name for name in in_the_way(layout, one_end, other_end) if name not in edge]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_inside_of_a_frame_is_drawn_inside_of_it(shape: Graph) -> None:
    root = parsed(picture(shape))
    left, top, width, height = map(float, root.get("viewBox", "").split())
    frames = [found for found in root.iter(f"{SVG}g") if "g-frame" in found.get("class", "").split()]

    assert frames
    for x1, y1, x2, y2 in boxes_in(root):
        assert left <= x1 < x2 <= left + width
        assert top <= y1 < y2 <= top + height
    for frame in frames:
        outside, *inside = boxes_in(frame)
        assert inside
        for x1, y1, x2, y2 in inside:
            assert outside[0] < x1 < x2 < outside[2]
            assert outside[1] + FRAME_HEAD / 2 < y1 < y2 < outside[3]


def test_where_a_thread_waits_inside_is_lit_and_its_frames_say_so() -> None:
    desk = Desk(around(around(review(), name="inner"), name="outer", saver=InMemorySaver()))
    desk.run({"log": ["in"]})

    drawing = picture(desk.graph, path(desk.graph, desk.thread_id))

    assert {name: group(drawing, name).get("class") for name in ("outer", "inner", "check", "fix", "ask", "sign")} == {
        "outer": "g-node g-frame todo holds",
        "inner": "g-node g-frame todo holds",
        "check": "g-node done",
        "fix": "g-node done",
        "ask": "g-node todo current waiting",
        "sign": "g-node todo",
    }
    edges = [line.get("class") for line in group(drawing, "inner").iter(f"{SVG}path")]
    assert edges.count("g-edge on cond") == 2
    assert edges.count("g-edge on back") == 1
    assert edges.count("g-edge") == 2  # dashed: from the question on
    assert [text.text for text in group(drawing, "check").iter(f"{SVG}text")] == ["check", "×3"]
    assert drawing.sentence == (
        "Path so far: draft. Waiting at outer. Inside outer: path so far: draft. Waiting at inner."
        " Inside outer › inner: path so far: check, fix, check, fix, check. Waiting at ask. Next if approved: sign."
    )
    assert parsed(drawing).findtext(f"{SVG}desc") == drawing.sentence


def test_a_passed_subgraph_is_solid_through_to_its_end() -> None:
    desk = Desk(around(review(), saver=InMemorySaver()))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))

    drawing = picture(desk.graph, path(desk.graph, desk.thread_id))

    assert group(drawing, "review").get("class") == "g-node g-frame done"
    assert {line.get("class", "").split()[1] for line in group(drawing, "review").iter(f"{SVG}path")} == {"on"}
    assert drawing.sentence == (
        "Path so far: draft, review, send. Finished."
        " Inside review: path so far: check, fix, check, fix, check, ask, sign. Finished."
    )


def test_a_subgraph_that_is_next_and_has_not_begun_is_lit_itself() -> None:
    way = Path(done=("draft",), current=("review",), waiting=("review",), taken=frozenset({("draft", "review")}))

    drawing = picture(around(review()), way)

    assert group(drawing, "review").get("class") == "g-node g-frame todo current waiting"
    assert drawing.sentence == "Path so far: draft. Waiting at review. Next if approved: send."


def test_a_passed_subgraph_of_which_nothing_is_saved_is_not_drawn_as_if_it_had_not_run() -> None:
    drawing = picture(around(review()), Path(done=("draft", "review"), current=("send",), taken=frozenset()))

    assert group(drawing, "review").get("class") == "g-node g-frame done unknown"
    assert drawing.sentence.endswith("What ran inside review is not saved.")


def test_a_step_inside_that_was_never_declared_is_drawn_once_it_was_taken() -> None:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    builder.add_node("a", lambda state: Command(goto="b"))
    builder.add_node("b", node("b"))
    shape = around(builder.add_edge(START, "a").compile())
    before = picture(shape).svg.count("g-edge")
    inside = Path(done=("a", "b"), current=(), taken=frozenset({("a", "b")}))

    drawing = picture(shape, Path(done=("draft",), current=(), taken=frozenset(), inside={"review": inside}))

    assert drawing.svg.count("g-edge") == before + 1
    assert picture(shape).svg.count("g-edge") == before


def test_subgraphs_are_opened_three_deep() -> None:
    deepest = around(around(around(around(review(), name="four"), name="three"), name="two"), name="one")

    drawing = picture(deepest)

    frames = [name for name in ("one", "two", "three", "four") if "g-frame" in group(drawing, name).get("class", "")]
    assert frames == ["one", "two", "three"]
    assert "check" not in drawing.svg


def test_a_graph_of_too_many_nodes_keeps_its_subgraphs_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_NODES", 16)
    many = holding(*((f"part_{number}", random_graph(number, nodes=30)) for number in range(6)))

    drawing = picture(many)
    two_deep = picture(NESTED)

    assert "g-frame" not in drawing.svg
    assert two_deep.svg.count("g-frame") == 2


def test_many_subgraphs_are_told_where_the_thread_stands_first() -> None:
    names = [f"part_{number:02}" for number in range(30)]
    shape = holding(*((name, graph(chain_of("x"))) for name in names))
    ran = Path(done=("x",), current=(), taken=frozenset())
    asks = Path(done=(), current=("x",), waiting=("x",), taken=frozenset())
    way = Path(done=tuple(names[:-1]), current=(names[-1],), waiting=(names[-1],), taken=frozenset())

    words = draw(
        shape, path=Path(**{**vars(way), "inside": {**dict.fromkeys(names[:-1], ran), names[-1]: asks}}), title="t"
    ).sentence

    assert "Inside part_29: waiting at x." in words
    assert words.endswith("22 more subgraphs ran.")
    assert words.count("Inside") == 8


def test_no_name_in_a_subgraph_breaks_out_of_the_picture() -> None:
    names = tuple(name for name in HOSTILE if "\x00" not in name)
    drawing = picture(
        around(graph(chain_of(*names)), name=HOSTILE[0]), Path(done=names[:1], current=(), taken=frozenset())
    )

    known = {"svg", "title", "desc", "defs", "marker", "path", "g", "rect", "text"}
    assert {element.tag.removeprefix(SVG) for element in parsed(drawing).iter()} == known
    assert all(not name.startswith("on") and name != "style" for one in parsed(drawing).iter() for name in one.attrib)


def test_forty_nodes_with_their_subgraphs_are_drawn_in_ten_milliseconds() -> None:
    shape = forty()
    way = Path(
        done=tuple(f"step_{number}" for number in range(9)),
        current=("step_9",),
        taken=frozenset(),
        inside={"step_3": Path(done=("draft", "review"), current=(), taken=frozenset({("draft", "review")}))},
    )
    assert sum(len(found.layout.boxes) for found in groups(group_of(shape, way))) >= 60

    def seconds() -> float:
        start = time.perf_counter()
        picture(shape, way)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(20)) < 0.010


def forty() -> Graph:
    """Forty nodes, four of which are subgraphs that hold one each."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    names = [f"step_{number}" for number in range(40)]
    for number, name in enumerate(names):
        builder.add_node(name, around(review()) if number % 10 == 3 else node(name))
        builder.add_edge(names[(number - 1) // 2] if number else START, name)
    return builder.compile()


def test_frames_stay_where_they_are_while_their_threads_move_on() -> None:
    desk = Desk(around(review(), saver=InMemorySaver()))
    before = boxes(picture(desk.graph))
    desk.run({"log": ["in"]})

    after = boxes(picture(desk.graph, path(desk.graph, desk.thread_id)))

    assert before <= after  # and the counts of loops beside them


def boxes(drawing: Drawing) -> set[tuple[float, float, float, float]]:
    return set(boxes_in(parsed(drawing)))

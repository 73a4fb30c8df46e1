"""Graphs as pictures: nothing overlaps, nothing sticks out, nothing a node is called can break the page."""

import itertools
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path as File
from typing import Any
from xml.etree import ElementTree

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from chains.drawing import Drawing, draw
from chains.drawing.layout import LEFT, LOOP_ROOM, PORT, Box, Layout, Point
from chains.drawing.ranks import Edge
from chains.drawing.shapes import group_of, shape_of
from chains.registry import Graph
from chains.snapshots import Path, path
from tests.snapshot_graphs import Desk, Log, linear, node

NOTHING = Path(done=(), current=(), taken=frozenset())
SVG = "{http://www.w3.org/2000/svg}"


def graph(edges: Iterable[Edge], *, choices: Iterable[Edge] = (), alone: Iterable[str] = ()) -> Graph:
    """`choices` are conditional edges."""
    edges, choices = list(edges), list(choices)
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    names = dict.fromkeys([*itertools.chain(*edges, *choices), *alone])
    for name in names:
        if name not in (START, END):
            builder.add_node(name, node(name))
    for edge in edges:
        builder.add_edge(*edge)
    for source in dict.fromkeys(source for source, _ in choices):
        targets = [target for start, target in choices if start == source]
        builder.add_conditional_edges(source, lambda state: END, targets)
    return builder.compile()


def chain_of(*names: str) -> list[Edge]:
    return list(itertools.pairwise([START, *names, END]))


def random_graph(seed: int, *, nodes: int = 40, loops: int = 0) -> Graph:
    chance = random.Random(seed)
    names = [f"step_{number}" for number in range(nodes)]
    edges = {(START, names[0])}
    for number in range(1, nodes):
        for _ in range(chance.choice([1, 1, 2, 3])):
            edges.add((names[chance.randrange(max(0, number - 8), number)], names[number]))
    choices = set()
    for _ in range(loops):
        late, early = sorted(chance.choices(range(nodes), k=2), reverse=True)
        choices.add((names[late], names[early]))
    return graph(sorted(edges), choices=sorted(choices - edges))


def took(*names: str, current: Sequence[str] = (), waiting: Sequence[str] = ()) -> Path:
    way = [START, *names, *current[:1]]
    return Path(done=names, current=tuple(current), waiting=tuple(waiting), taken=frozenset(itertools.pairwise(way)))


def picture(graph: Graph, way: Path = NOTHING, **options: Any) -> Drawing:
    return draw(graph, path=way, title="Graph", **options)


def placed(graph: Graph) -> Layout:
    return group_of(graph, NOTHING).layout


def parsed(drawing: Drawing) -> ElementTree.Element:
    """As HTML puts it into the namespace by itself."""
    return ElementTree.fromstring(drawing.svg.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def group(drawing: Drawing, name: str) -> ElementTree.Element:
    return next(found for found in parsed(drawing).iter(f"{SVG}g") if found.findtext(f"{SVG}title") == name)


def edge_classes(drawing: Drawing) -> list[str]:
    return [line.get("class", "") for line in parsed(drawing).findall(f"{SVG}path")]


# Where things are


SHAPES = [
    *(random_graph(seed) for seed in range(8)),
    *(random_graph(seed, nodes=20, loops=8) for seed in range(20)),
    graph(chain_of("a", "b", "c")),
    graph(chain_of("a"), choices=[("a", "a")]),
    graph(chain_of("a", "b"), choices=[("b", "a"), ("b", "b"), ("a", "a")]),
    graph(chain_of("a"), alone=["lost", "lonely"]),
    graph([(START, "a")], choices=[("a", END), ("a", "b"), ("b", "c"), ("c", "b")]),
    graph(
        [(START, "boss")],
        choices=[(one, two) for one in "abcdef" for two in (one, END)] + [("boss", name) for name in "abcdef"],
    ),
    graph([*chain_of("plan", "one", "join"), ("plan", "two"), ("plan", "three"), ("two", "join"), ("three", "join")]),
    graph([(START, "boss")], choices=[*(("boss", name) for name in "abcdef"), ("boss", END)]),
    graph([(START, "boss"), *((name, "boss") for name in "abcdef")], choices=[("boss", name) for name in "abcdef"]),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_two_boxes_overlap(shape: Graph) -> None:
    boxes = placed(shape).boxes.values()

    for one, two in itertools.combinations(boxes, 2):
        assert one.row != two.row or abs(one.x - two.x) >= (one.width + two.width) / 2 + 10


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_is_inside_of_the_picture(shape: Graph) -> None:
    names = [name for name in shape_of(shape).nodes if name not in (START, END)]
    root = parsed(picture(shape, Path(done=(*names, *names), current=(), taken=frozenset())))
    left, top, width, height = map(float, root.get("viewBox", "").split())

    for box in root.iter(f"{SVG}rect"):
        x, y = float(box.get("x", "nan")), float(box.get("y", "nan"))
        assert left <= x <= x + float(box.get("width", "nan")) <= left + width
        assert top <= y <= y + float(box.get("height", "nan")) <= top + height
    for line in root.findall(f"{SVG}path"):
        for x, y in corners(line.get("d", "")):
            assert left <= x <= left + width
            assert top <= y <= top + height


def corners(line: str) -> list[tuple[float, float]]:
    """The points that a path names; a V goes straight down from the last one."""
    points: list[tuple[float, float]] = []
    for letter, rest in re.findall(r"([MCLQV])([^MCLQV]*)", line):
        numbers = [float(number) for number in rest.split()]
        points += [(points[-1][0], numbers[0])] if letter == "V" else zip(numbers[::2], numbers[1::2], strict=True)
    return points


@pytest.mark.parametrize("shape", SHAPES)
def test_no_edge_runs_through_a_box(shape: Graph) -> None:
    layout = placed(shape)

    for edge, points in [*layout.down.items(), *layout.up.items()]:
        for one, two in itertools.pairwise(points):
            assert not [name for name in in_the_way(layout, one, two) if name not in edge]
    for name in layout.loops:
        loop = Point(layout.boxes[name].side(LEFT) - 1, layout.boxes[name].middle)
        assert not in_the_way(layout, Point(loop.x - LOOP_ROOM, loop.y - PORT), Point(loop.x, loop.y + PORT))


def in_the_way(layout: Layout, one: Point, two: Point) -> list[str]:
    """Boxes in the rectangle of two corners: a curve that is upright at both never leaves it."""
    left, right = sorted((one.x, two.x))
    top, bottom = sorted((one.y, two.y))

    def touches(box: Box) -> bool:
        beside = box.x + box.width / 2 <= left or box.x - box.width / 2 >= right
        return not beside and box.bottom > top and box.y < bottom

    return [name for name, box in layout.boxes.items() if touches(box)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_start_is_above_everything_and_the_end_below(shape: Graph) -> None:
    boxes = placed(shape).boxes
    lowest = max(box.row.number for box in boxes.values())

    assert [name for name, box in boxes.items() if box.row.number == 0] == [START]
    assert END not in boxes or [name for name, box in boxes.items() if box.row.number == lowest] == [END]


def test_a_way_without_forks_is_one_straight_line() -> None:
    boxes = placed(graph([*chain_of("a", "b", "c"), ("a", "c")])).boxes

    assert {box.x for box in boxes.values()} == {0}


def test_parallel_nodes_stand_around_the_middle() -> None:
    boxes = placed(SHAPES[-3]).boxes
    row = sorted(boxes[name].x for name in ("one", "two", "three"))

    assert row[1] == pytest.approx(boxes["plan"].x) == pytest.approx(0)
    assert row[0] == pytest.approx(-row[2])


def test_a_graph_stays_where_it_is_while_its_thread_moves_on() -> None:
    shape = graph([*chain_of("a", "b"), ("a", "c")], choices=[("b", "a")])

    def lines(drawing: Drawing) -> list[str]:
        return sorted(line.get("d", "") for line in parsed(drawing).findall(f"{SVG}path"))

    assert lines(picture(shape)) == lines(picture(shape, took("a", "b", "a", current=["c"])))


def test_the_same_graph_gives_the_same_picture_in_every_process() -> None:
    code = (
        "import sys; from tests.test_drawing import random_graph, picture, took;"
        "sys.stdout.write(picture(random_graph(3, nodes=20, loops=9), took('step_0', current=['step_1'])).svg)"
    )
    pictures = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={"PYTHONHASHSEED": seed, "LANGGRAPH_STRICT_MSGPACK": "true"},
            cwd=File(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(pictures) == 1
    assert pictures.pop().startswith("<svg ")


def test_forty_nodes_are_drawn_in_ten_milliseconds() -> None:
    shape = random_graph(1)
    picture(shape)

    def seconds() -> float:
        start = time.perf_counter()
        picture(shape)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(20)) < 0.010


# What it says


def test_a_thread_that_waits_is_lit_there_and_its_way_is_drawn_solid() -> None:
    desk = Desk(linear(InMemorySaver()))
    desk.run({"log": ["in"]})

    drawing = picture(desk.graph, path(desk.graph, desk.thread_id))

    assert [group(drawing, name).get("class") for name in ("start", "draft", "ask", "send", "end")] == [
        "g-node done term",
        "g-node done",
        "g-node todo current waiting",
        "g-node todo",
        "g-node todo term",
    ]
    assert edge_classes(drawing) == ["g-edge", "g-edge", "g-edge on", "g-edge on"]
    assert drawing.sentence == "Path so far: draft. Waiting at ask. Next if approved: send."


def test_a_finished_thread_is_solid_to_the_end() -> None:
    desk = Desk(linear(InMemorySaver()))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))

    drawing = picture(desk.graph, path(desk.graph, desk.thread_id))

    assert group(drawing, "end").get("class") == "g-node done term"
    assert edge_classes(drawing) == ["g-edge on"] * 4
    assert drawing.sentence == "Path so far: draft, ask, send. Finished."


def test_conditional_edges_and_edges_back_are_told_apart() -> None:
    shape = graph([(START, "a"), ("a", "b")], choices=[("b", "a"), ("b", END), ("b", "b")])

    drawing = picture(shape, took("a", "b", current=["a"]))

    assert sorted(edge_classes(drawing)) == [
        "g-edge back cond",
        "g-edge cond",
        "g-edge on",
        "g-edge on",
        "g-edge on back cond",
    ]


def test_the_word_for_a_condition_is_told() -> None:
    builder = StateGraph(Log)
    builder.add_node("a", node("a"))
    builder.add_node("b", node("b"))
    builder.add_edge(START, "a")
    builder.add_conditional_edges("a", lambda state: "if <it> fits", {"if <it> fits": "b", "else": END})

    titles = [title.text for title in parsed(picture(builder.compile())).findall(f"{SVG}path/{SVG}title")]

    assert sorted(map(str, titles)) == ["else", "if <it> fits"]


def test_a_node_that_ran_again_says_how_often() -> None:
    drawing = picture(graph(chain_of("a", "b"), choices=[("b", "a")]), took("a", "b", "a", "b", "a", current=["b"]))

    assert [text.text for text in group(drawing, "a").iter(f"{SVG}text")] == ["a", "×3"]
    assert [text.text for text in group(drawing, "b").iter(f"{SVG}text")] == ["b", "×2"]
    assert "Path so far: a, b, a, b, a." in drawing.sentence


def test_a_step_that_was_never_declared_is_drawn_once_it_was_taken() -> None:
    builder = StateGraph(Log)
    builder.add_node("a", goto_b)
    builder.add_node("b", node("b"))
    builder.add_edge(START, "a")
    desk = Desk(builder.compile(checkpointer=InMemorySaver()))

    before = len(edge_classes(picture(desk.graph)))
    desk.run({"log": ["in"]})

    drawing = picture(desk.graph, path(desk.graph, desk.thread_id))
    assert edge_classes(drawing).count("g-edge on") == 3
    assert len(edge_classes(drawing)) > before


def goto_b(state: Log) -> Any:
    return Command(goto="b")


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        (NOTHING, "Nothing has run yet."),
        (took("a", "a", "b", current=["c"]), "Path so far: a ×2, b. Now at c."),
        (took("a", current=["b"], waiting=["b"]), "Path so far: a. Waiting at b. Next if approved: c."),
        (
            took("a", "b", current=["c"], waiting=["c"]),
            "Path so far: a, b. Waiting at c. Next, depending on the answer: end or a.",
        ),
        (took(current=["a", "b"], waiting=["a", "b"]), "Waiting at a and b. Next, depending on the answer: b or c."),
        (took(*"ab" * 10), "Path so far: 8 earlier steps, a, b, a, b, a, b, a, b, a, b, a, b. Finished."),
        (Path(("c",), (), frozenset(), cut=True), "Path so far: … c. Finished."),
    ],
)
def test_the_way_is_told_in_words(way: Path, sentence: str) -> None:
    shape = graph([(START, "a"), ("a", "b"), ("b", "c")], choices=[("c", "a"), ("c", END)])

    drawing = picture(shape, way)

    assert drawing.sentence == sentence
    assert parsed(drawing).findtext(f"{SVG}desc") == sentence


# What it must never do


HOSTILE = [
    "<script>alert(1)</script>",
    '"><style>*{}</style>',
    "x' onload='alert(1)",
    "&amp;lt;b&gt;",
    "]]><!--",
    "nice\u202egnp.exe",
    "zero\u200bwidth\x00\x1b",
    "a_very_long_name_of_a_node_that_does_not_fit_into_any_box_whatever_one_does",
    "長い名前の段階は箱に収まらないので短くされます",
]


def test_no_name_breaks_out_of_the_picture() -> None:
    drawing = picture(graph(chain_of(*HOSTILE)), took(*HOSTILE[:3], current=HOSTILE[3:4]), uid='"><b id="x')
    root = parsed(drawing)

    known = {"svg", "title", "desc", "defs", "marker", "path", "g", "rect", "text"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == known
    for element in root.iter():
        assert not {name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name}
    assert not re.search("[\u202e\u200b\x00\x1b]", drawing.svg + drawing.sentence)


@pytest.mark.parametrize("name", HOSTILE[-2:])
def test_a_long_name_is_shortened_and_still_told_in_full(name: str) -> None:
    box = group(picture(graph(chain_of(name))), name)

    shown = str(box.findtext(f"{SVG}text"))
    assert "…" in shown
    assert name.startswith(shown.split("…")[0])
    assert name.endswith(shown.split("…")[1])


def test_two_pictures_on_one_page_share_no_id() -> None:
    shape = graph(chain_of("a"))
    one, two = (parsed(picture(shape, took("a"), uid=uid)) for uid in ("one", "two"))

    def ids(root: ElementTree.Element) -> list[str]:
        return [element.attrib["id"] for element in root.iter() if "id" in element.attrib]

    assert len(ids(one)) == len(set(ids(one))) == 4
    assert not set(ids(one)) & set(ids(two))
    used = re.findall(r"url\(#([^)]*)\)", ElementTree.tostring(one, "unicode")) + one.get("aria-labelledby", "").split()
    assert set(used) <= set(ids(one))
    assert set(used) >= {"one-title", "one-desc", "one-head-on"}


def test_the_picture_is_one_image_to_a_screen_reader() -> None:
    root = parsed(picture(graph(chain_of("a")), took("a")))

    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Graph"
    assert root.get("aria-labelledby") == "graph-title graph-desc"

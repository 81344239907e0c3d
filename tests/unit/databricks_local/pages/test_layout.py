"""Where the tasks of a graph are drawn."""

from itertools import combinations, pairwise

import pytest
from databricks_local.pages.layout import MAX_ROUTED, ROWS, Layout, lay_out

from tests.unit.databricks_local.pages.page_lab import spec

GRAPHS = {
    "one": [spec("a")],
    "chain": [spec("a"), spec("b", ["a"]), spec("c", ["b"])],
    "diamond": [spec("a"), spec("b", ["a"]), spec("c", ["a"]), spec("d", ["b", "c", "a"])],
    "shuffled": [spec("d", ["c"]), spec("b", ["a"]), spec("c", ["b"]), spec("a")],
    "twice": [spec("a"), spec("b", ["a", "a"])],
    "wide": [spec("a"), *(spec(f"b{n}", ["a"]) for n in range(ROWS * 3))],
    "hundred": [
        spec("a"),
        *(spec(f"b{n}", ["a"]) for n in range(98)),
        spec("z", [f"b{n}" for n in range(98)]),
    ],
    "long": [spec("t0"), *(spec(f"t{n}", [f"t{n - 1}", "t0"]) for n in range(1, MAX_ROUTED))],
    "unknown": [spec("a", ["not-here"])],
}


@pytest.mark.parametrize("name", list(GRAPHS))
def test_layout(name: str) -> None:
    specs = GRAPHS[name]
    layout = lay_out(specs)
    assert set(layout.corners) == {each.key for each in specs}
    check_inside_and_apart(layout)
    edges = {(edge.source, edge.target) for edge in layout.edges}
    known = set(layout.corners)
    assert edges == {(up, each.key) for each in specs for up in each.depends_on if up in known}
    for edge in layout.edges:
        xs = [x for x, _ in edge.points]
        assert all(one <= other for one, other in pairwise(xs))
        assert xs[0] == layout.corners[edge.source][0] + layout.size.width
        assert xs[-1] == layout.corners[edge.target][0]


def check_inside_and_apart(layout: Layout) -> None:
    width, height = layout.size.width, layout.size.height
    for x, y in layout.corners.values():
        assert 0 <= x <= layout.width - width
        assert 0 <= y <= layout.height - height
    for (x1, y1), (x2, y2) in combinations(layout.corners.values(), 2):
        assert abs(x1 - x2) >= width or abs(y1 - y2) >= height


def test_long_edges_pass_beside_the_tasks() -> None:
    layout = lay_out(GRAPHS["diamond"])
    direct = next(edge for edge in layout.edges if (edge.source, edge.target) == ("a", "d"))
    assert len(direct.points) == 4
    y = direct.points[1][1]
    for key in ("b", "c"):
        assert not layout.corners[key][1] <= y <= layout.corners[key][1] + layout.size.height


def test_few_edges_cross() -> None:
    specs = [spec("a"), spec("b"), spec("c"), spec("x", ["c"]), spec("y", ["b"]), spec("z", ["a"])]
    corners = lay_out(specs).corners
    order = sorted("abc", key=lambda key: corners[key][1])
    assert sorted("xyz", key=lambda key: corners[key][1]) == [
        {"a": "z", "b": "y", "c": "x"}[k] for k in order
    ]

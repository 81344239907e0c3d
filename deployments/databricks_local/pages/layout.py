"""Where the tasks of a run are drawn: in layers from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from databricks_local.jobs.graph import topological_order
from databricks_local.jobs.specs import TaskSpec

ROWS = 14
"""How many tasks a column has at most; a layer with more is drawn in several columns."""

MAX_ROUTED = 40
"""Up to this many tasks, an edge that passes a layer is led around its tasks; else it runs behind them."""

SWEEPS = 4
"""How often the layers are ordered anew so that fewer edges cross."""

MARGIN = 8

Key = tuple[str, str, int]
"""A task, as `(key, "", 0)`, or a place where an edge passes a layer: `(from, to, layer)`."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Size:
    """The size of a task's box, and the gaps between boxes."""

    width: int
    height: int
    gap_x: int
    gap_y: int


LARGE = Size(190, 46, 54, 14)
SMALL = Size(150, 26, 40, 8)
LARGE_UP_TO = 24


@dataclass(frozen=True)
class Edge:
    """A dependency: the points that its line goes through."""

    source: str
    target: str
    points: list[Point]


@dataclass
class Layout:
    """A drawing: the upper left corner of each task's box, and the edges."""

    size: Size
    width: float = 0
    height: float = 0
    corners: dict[str, Point] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)


def lay_out(specs: Sequence[TaskSpec]) -> Layout:
    """Place the tasks in layers: each to the right of those that it depends on, at about their height.

    Args:
        specs: The tasks. A dependency on a task that is not among them is ignored.
    """
    layout = Layout(LARGE if len(specs) <= LARGE_UP_TO else SMALL)
    known = {spec.key for spec in specs}
    depth: dict[str, int] = {}
    for spec in topological_order(specs) or specs:
        depth[spec.key] = 1 + max((depth.get(name, -1) for name in spec.depends_on), default=-1)
    pairs = [(name, spec.key) for spec in specs for name in dict.fromkeys(spec.depends_on) if name in known]
    counts = [list(depth.values()).count(layer) for layer in range(max(depth.values(), default=-1) + 1)]
    routed = len(specs) <= MAX_ROUTED and max(counts, default=0) <= ROWS
    chains = {pair: _chain(pair, depth, routed=routed) for pair in pairs}
    layers = _ordered(_layers(specs, depth, chains), chains)
    columns = [layer[start : start + ROWS] for layer in layers for start in _starts(layer, routed=routed)]
    places = _place(columns, layout)
    for (source, target), chain in chains.items():
        layout.edges.append(Edge(source, target, _points(chain, places, layout.size)))
    return layout


def _chain(pair: tuple[str, str], depth: dict[str, int], *, routed: bool) -> list[Key]:
    """The ends of an edge and, if it is led around tasks, the places where it passes a layer."""
    source, target = pair
    passes = range(depth[source] + 1, depth[target]) if routed else range(0)
    return [(source, "", 0), *((source, target, layer) for layer in passes), (target, "", 0)]


def _layers(
    specs: Sequence[TaskSpec], depth: dict[str, int], chains: dict[tuple[str, str], list[Key]]
) -> list[list[Key]]:
    layers: list[list[Key]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for spec in specs:
        layers[depth[spec.key]].append((spec.key, "", 0))
    for chain in chains.values():
        for place in chain[1:-1]:
            layers[place[2]].append(place)
    return layers


def _ordered(layers: list[list[Key]], chains: dict[tuple[str, str], list[Key]]) -> list[list[Key]]:
    """Order each layer by the mean position of its neighbours, back and forth, so that few edges cross."""
    before: dict[Key, list[Key]] = {}
    after: dict[Key, list[Key]] = {}
    for chain in chains.values():
        for one, next_one in pairwise(chain):
            before.setdefault(next_one, []).append(one)
            after.setdefault(one, []).append(next_one)
    rank = {key: float(n) for layer in layers for n, key in enumerate(layer)}
    for sweep in range(SWEEPS):
        neighbours = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middles = {key: _middle(neighbours.get(key, ()), rank, rank[key]) for key in layer}
            layer.sort(key=middles.__getitem__)
            rank.update({key: float(n) for n, key in enumerate(layer)})
    return layers


def _middle(neighbours: Sequence[Key], rank: dict[Key, float], default: float) -> float:
    return sum(rank[key] for key in neighbours) / len(neighbours) if neighbours else default


def _starts(layer: list[Key], *, routed: bool) -> range:
    return range(1) if routed and len(layer) <= ROWS else range(0, len(layer), ROWS)


def _place(columns: list[list[Key]], layout: Layout) -> dict[Key, Point]:
    """Set the size of the drawing and the corners of the tasks.

    Returns:
        The middle of the left side of each task, and of each place where an edge passes a layer.
    """
    size = layout.size
    # An edge that passes a layer needs less room than a task.
    heights = [[size.height if not key[1] else size.gap_y for key in column] for column in columns]
    totals = [sum(column) + size.gap_y * (len(column) - 1) for column in heights]
    layout.height = max(totals, default=0) + 2 * MARGIN
    layout.width = len(columns) * (size.width + size.gap_x) - (size.gap_x if columns else 0) + 2 * MARGIN
    places: dict[Key, Point] = {}
    for number, column in enumerate(columns):
        x = MARGIN + number * (size.width + size.gap_x)
        y = (layout.height - totals[number]) / 2
        for key, height in zip(column, heights[number], strict=True):
            places[key] = (x, y + height / 2)
            if not key[1]:
                layout.corners[key[0]] = (x, y)
            y += height + size.gap_y
    return places


def _points(chain: list[Key], places: dict[Key, Point], size: Size) -> list[Point]:
    x, y = places[chain[0]]
    points: list[Point] = [(x + size.width, y)]
    for key in chain[1:-1]:
        x, y = places[key]
        points += [(x, y), (x + size.width, y)]
    return [*points, places[chain[-1]]]

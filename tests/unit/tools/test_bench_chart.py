"""The picture of the figures."""

from __future__ import annotations

from xml.etree import ElementTree

from tools.bench.chart import across, picture

ROW = {"title": "a <call>", "unit": "us", "native": 0.1, "ours": 10.0, "recorded": 1.0}


def dots(svg: str) -> list[float]:
    """The rows' points, left out the legend's."""
    tree = ElementTree.fromstring(svg)
    return [
        float(dot.get("cx", "")) for dot in tree.iter("{http://www.w3.org/2000/svg}circle") if dot.get("cy") != "20"
    ]


def test_a_side_has_a_point_where_its_time_is() -> None:
    assert dots(picture([ROW])) == [round(across(us), 1) for us in (0.1, 1.0, 10.0)]
    assert dots(picture([{**ROW, "compiled": 5.0}]))[3] == round(across(5.0), 1)


def test_what_is_no_time_is_left_out() -> None:
    assert not dots(picture([{**ROW, "unit": "Gbit/s"}, {**ROW, "ours": None}]))


def test_the_axis_is_logarithmic() -> None:
    assert round(across(1.0) - across(0.1), 6) == round(across(100.0) - across(10.0), 6)
    assert across(0.0001) == across(0.01)

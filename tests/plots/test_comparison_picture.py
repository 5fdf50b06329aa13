"""The picture of a comparison: every point and interval is there, and nothing is cut off."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from emozoo.plots.comparison import Panel, Point, comparison_picture
from emozoo.plots.style import ACCENT, INK

NAMES = ("runs/cnn", "runs/" + 12 * "a_long_name_", "cost $5 or $6_^", "高兴 \x1b[31m")
SVG = "{http://www.w3.org/2000/svg}"


def panels(count: int) -> list[Panel]:
    points = [Point(NAMES[at % 4] + str(at), 50 + at, 45 + at, 56 + at, at % 2 == 0) for at in range(count)]
    gaps = [Point("a − b", 0.0, 0.0, 0.0, False), Point("b − a", 3.1, 1.0, 5.2)]
    return [Panel("UA (%)", points), Panel("Difference in UA (points)", gaps, True)]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_one_few_and_many_runs_fit(count: int, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    comparison_picture(panels(count), tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG" and picture.width >= 1120
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert all((edge > 250).all() for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]))
    for colour in (INK, ACCENT):
        assert (abs(pixels - np.rint(255 * np.array(to_rgb(colour)))) <= 2).all(-1).any()
    assert not recwarn.list


def test_an_svg_is_one_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.svg", "two.SVG"):
        comparison_picture(panels(2), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.SVG").read_bytes()
    root = ElementTree.parse(tmp_path / "one.svg").getroot()
    assert root.tag == f"{SVG}svg"
    used = [path.get("style", "") for path in root.iter(f"{SVG}path")] + [
        use.get("style", "") for use in root.iter(f"{SVG}use")
    ]
    assert sum(ACCENT.lower() in style for style in used) >= 4  # two intervals, two points
    assert (
        sum("fill: #ffffff" in style and ACCENT.lower() in style for style in used) == 1
    )  # what was not found is hollow

"""given a sales team's floor, when Today is opened, then its picture is the one at the top of the README.

`make pictures` runs this; it writes docs/pictures/.
"""

from pathlib import Path

import pytest

from tests.browser.conftest import Open, served_floor

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = {"width": 1360, "height": 860}


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_of_today(theme: str, tmp_path: Path, open_page: Open) -> None:
    with served_floor(f"sqlite:///{tmp_path / 'desk.db'}", orders=900) as desk:
        page = open_page(desk, "/", viewport=SIZE, color_scheme=theme, timezone_id="Europe/Berlin")
        page.locator(".chart svg, .chart canvas").first.wait_for()
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"today-{theme}.png")

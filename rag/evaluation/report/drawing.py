"""From an Altair chart to SVG for a page: no script, colours from the page's style, letters as text, a name for all.

Only the report's charts import this: Altair and the engine that draws (vl-convert, no browser) cost a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import altair as alt
import vl_convert
from lxml import etree  # type: ignore[import-untyped]

from rag.evaluation.report.display import visible

Row: TypeAlias = Mapping[str, str | float]
Chart: TypeAlias = alt.Chart | alt.LayerChart

WIDTH, HEIGHT = 460, 280
BAR_WIDTH, BAR_HEIGHT = 240, 22
LABEL = 13
INK, SOFT, GRID, PAPER = "var(--ink)", "var(--soft)", "var(--grid)", "var(--paper)"
MAIN, BETTER, WORSE = "var(--main)", "var(--better)", "var(--worse)"
BAR, BAR_OF_ERRORS, BAND = "var(--bar)", "var(--bar-of-errors)", "var(--band)"


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """A chart without marks over these rows."""
    chart: alt.Chart = alt.Chart(alt.InlineData(values=list(rows)))
    return chart


def named_data(data: str) -> alt.Chart:
    """A chart without marks over rows that come later, by this name under ``datasets``."""
    chart: alt.Chart = alt.Chart(alt.NamedData(name=data))
    return chart


def layered(*layers: Chart) -> alt.LayerChart:
    """Charts one over the other, the last on top."""
    return alt.LayerChart(layer=list(layers))


def figure(chart: Chart, title: str, said: str, *, height: int = HEIGHT) -> str:
    """Draw a chart with axes. ``title`` names it, ``said`` is what it shows, for those who do not see it."""
    sized = chart.properties(
        width=WIDTH,
        height=height,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        padding={"left": 2, "right": 12, "top": 8, "bottom": 2},
    )
    return svg(_styled(sized), title, said)


def small(chart: Chart) -> dict[str, object]:
    """Vega-Lite of a bar for the row of a table; for ``svg``."""
    return _styled(chart.properties(width=BAR_WIDTH, padding={"left": 5, "right": 5, "top": 0, "bottom": 0}))


def _styled(chart: Chart) -> dict[str, object]:
    """The chart as Vega-Lite."""
    styled = (
        chart.configure(background="transparent", aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=SOFT,
            titleColor=SOFT,
            gridColor=GRID,
            labelFontSize=LABEL,
            titleFontSize=LABEL,
            titleFontWeight="normal",
            titlePadding=8,
            labelPadding=6,
            labelFlush=False,
            domain=False,
            ticks=False,
        )
        .configure_text(fontSize=LABEL)
    )
    spec: dict[str, object] = styled.to_dict(validate=False)  # every part was checked when it was made
    return spec


def svg(spec: Mapping[str, object], title: str, said: str = "") -> str:
    """Draw a chart. ``title`` names it, ``said`` is what it shows, for those who do not see it."""
    root = etree.fromstring(vl_convert.vegalite_to_svg(dict(spec), allowed_base_urls=[]).encode())
    for element in root.iter():
        # The page's own letters; and one picture with one name, not a tree of parts.
        for attribute in ("font-family", "class", "role", "aria-roledescription", "aria-label", "aria-hidden"):
            element.attrib.pop(attribute, None)
    for hidden in root.xpath("//*[@display='none'] | //*[local-name()='path'][@d='' or @d='M0,0h0v0h0Z']"):
        hidden.getparent().remove(hidden)
    etree.cleanup_namespaces(root)
    root.set("role", "img")
    root.set("aria-label", visible(f"{title}. {said}" if said else title))
    heading = etree.Element("{http://www.w3.org/2000/svg}title")
    heading.text = visible(title)
    root.insert(0, heading)
    drawn: str = etree.tostring(root, encoding="unicode")
    return drawn

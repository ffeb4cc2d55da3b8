"""Charts as Vega-Lite specifications, pure functions of data. The script that draws them: drawing_script.py.

Colours are names of waybill.css's variables, such as "--late-mark". static/charts.js puts their values in, so that a
chart follows the light and the dark theme. Instants are drawn in the viewer's zone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.contract.writing import instant_text

Spec = Mapping[str, Any]

HEIGHT = 190
FEW = 45
"""Days up to which each has a point, and bars stand apart."""
CONFIG: Spec = {
    "background": "--sheet",
    "font": "--text-font",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "--muted",
        "titleColor": "--muted",
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "gridColor": "--line",
        "gridDash": [2, 3],
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 8,
    },
    "axisX": {"labelSeparation": 12, "grid": False, "domain": True, "domainColor": "--line-strong"},
    "legend": {"labelColor": "--muted", "orient": "top", "symbolType": "square", "symbolSize": 80, "title": None},
}


def overdue_chart(rows: Sequence[Mapping[str, Any]], *, compared: bool = False) -> Spec:
    """How many orders were overdue, by instant. Rows have as_of and orders; `compared`: also today, as known today."""
    import altair as alt  # it takes half a second, and most commands draw nothing

    known = "as known then" if compared else "overdue"
    points = [{"at": instant_text(row["as_of"]), "orders": row["orders"], "series": known} for row in rows]
    if compared:
        points += [
            {"at": instant_text(row["as_of"]), "orders": row["today"], "series": "as known today"} for row in rows
        ]
    base = alt.Chart({"values": points}).encode(
        x=alt.X("at:T", title=None, axis=alt.Axis(format="%-d %b", labelOverlap=True, tickCount=8)),
        y=alt.Y("orders:Q", title="overdue orders", axis=alt.Axis(tickMinStep=1, tickCount=5)),
        tooltip=[
            alt.Tooltip("at:T", title="at", format="%a %-d %b, %H:%M"),
            alt.Tooltip("orders:Q", title="overdue"),
            *([alt.Tooltip("series:N", title=" ")] if compared else []),
        ],
    )
    if not compared:
        area = base.mark_area(
            color="--late-mark", opacity=0.14, line={"color": "--late-mark", "strokeWidth": 2}, interpolate="monotone"
        )
        return _spec(area + base.mark_point(color="--late-mark", filled=True, size=28, opacity=_points(rows)))
    names, legend = [known, "as known today"], alt.Legend(title=None)
    series = alt.Color("series:N", scale=alt.Scale(domain=names, range=["--late-mark", "--info-mark"]), legend=legend)
    dashes = alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 4]]), legend=legend)
    lines = base.mark_line(strokeWidth=2, interpolate="monotone").encode(color=series, strokeDash=dashes)
    return _spec(lines + base.mark_point(filled=True, size=26, opacity=_points(rows)).encode(color=series))


def on_time_chart(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """How many orders were completed on time and late, by day. Rows have since, until, on_time and late."""
    import altair as alt  # as above

    # The bars span their days exactly (x to x2), and such bars are not stacked by themselves.
    bars = [
        {
            "since": instant_text(row["since"]),
            "until": instant_text(row["until"]),
            "kind": kind,
            "orders": orders,
            "low": low,
            "high": low + orders,
            "share": _share(row),
        }
        for row in rows
        for kind, low, orders in (("on time", 0, row["on_time"]), ("late", row["on_time"], row["late"]))
        if orders
    ]
    chart = (
        alt.Chart({"values": bars})
        .mark_rect(stroke="--sheet", strokeWidth=1.5 if len(rows) <= FEW else 0.25)
        .encode(
            x=alt.X("since:T", title=None, axis=alt.Axis(format="%-d %b", labelOverlap=True, tickCount=8)),
            x2="until:T",
            y=alt.Y("low:Q", title="completed orders", axis=alt.Axis(tickMinStep=1, tickCount=5)),
            y2="high:Q",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["on time", "late"], range=["--ok-mark", "--late-mark"]),
                legend=alt.Legend(title=None),
            ),
            tooltip=[
                alt.Tooltip("until:T", title="day up to", format="%a %-d %b, %H:%M"),
                alt.Tooltip("kind:N", title=" "),
                alt.Tooltip("orders:Q", title="orders"),
                alt.Tooltip("share:N", title="on time"),
            ],
        )
    )
    return _spec(chart)


def _points(rows: Sequence[Any]) -> float:
    """How opaque points are: those of many days are not drawn, but tell their numbers to the pointer."""
    return 1.0 if len(rows) <= FEW else 0.0


def _share(row: Mapping[str, Any]) -> str:
    done = row["on_time"] + row["late"]
    return f"{100 * row['on_time'] / done:.0f} %" if done else "none completed"


def _spec(chart: Any) -> Spec:
    specification: dict[str, Any] = chart.properties(width="container", height=HEIGHT).to_dict()
    return {**specification, "config": CONFIG, "autosize": {"type": "fit-x", "contains": "padding"}}

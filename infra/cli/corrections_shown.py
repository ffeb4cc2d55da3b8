"""How voids and corrections, planned and done, are shown."""

from collections.abc import Mapping

from domain.counted import counted
from infra.app.container import Waybill
from infra.app.correct import (
    Corrected,
    CorrectionPlan,
)
from infra.app.message_changes import ChangeEffect, MessageCount, VerdictShift
from infra.app.void import VoidReport
from infra.app.void_many import VoidedInBulk
from infra.cli.output import (
    Format,
    console,
    show_json,
    show_no_longer_applied,
    show_note,
    show_rows,
    show_warning,
)
from infra.row_changes import change_as_json, sample_rows
from projections.views.catalogue import VIEWS

TABLE_COLUMNS = ("projection", "table", "added", "gone", "changed", "columns", "views")
VIEW_COLUMNS = ("view", "added", "gone", "changed", "columns")
SAMPLE_COLUMNS = ("view", "change", "key", "column", "now", "then")


def show_void(report: VoidReport, form: Format) -> None:
    rows = [told._asdict() for told in (*report.voided, *report.void)]
    show_rows(["source", "id", "subject", "type", "verdict", "reason"], rows, form)
    show_no_longer_applied(report.no_longer_applied)


def show_voided(done: VoidedInBulk, form: Format) -> None:
    voids = {verdict.value: count for verdict, count in done.voids.items()}
    if form is Format.JSON:
        show_json({"act": done.act_id, "voided": sum(voids.values()), "voids": voids, "continued": done.continued})
    else:
        rows = [{"voids": verdict, "messages": count} for verdict, count in sorted(voids.items())]
        show_rows(["voids", "messages"], rows, form, empty="nothing left to void")
    if done.act_id is not None and form is Format.TABLE:
        show_note(form, f"their correlation id is {done.act_id}; waybill events --correlation {done.act_id} lists them")
        show_note(form, _how_to_undo(done.act_id))
    show_no_longer_applied(done.no_longer_applied)


def show_corrected(waybill: Waybill, one: tuple[str, str] | None, done: Corrected, form: Format) -> None:
    if one is not None and done.first is not None:
        keys = [one, (done.first.source, done.first.message_id)]
        rows = [report._asdict() for key in keys for report in waybill.messages.find(*key)]
        show_rows(["source", "id", "subject", "type", "verdict", "reason"], rows, form)
    elif form is Format.JSON:
        show_json(
            {
                "act": done.act_id,
                "corrected": sum(done.right.values()),
                "right": {verdict.value: count for verdict, count in done.right.items()},
                "voids": {verdict.value: count for verdict, count in done.voids.items()},
                "skipped": done.skipped,
                "continued": done.continued,
            }
        )
    else:
        told = [("void", done.voids), ("right message", done.right)]
        rows = [
            {"published": what, "verdict": verdict.value, "messages": count}
            for what, verdicts in told
            for verdict, count in sorted(verdicts.items())
        ]
        show_rows(["published", "verdict", "messages"], rows, form, empty="nothing left to correct")
    _note_skipped(done.skipped, form)
    if done.act_id is not None and form is Format.TABLE:
        show_note(form, _how_to_undo(done.act_id))
    show_no_longer_applied(done.no_longer_applied)


def _how_to_undo(act_id: str) -> str:
    return f"to undo it: waybill void --act {act_id} --reason … --do"


def show_plan(plan: CorrectionPlan, form: Format) -> None:
    show_effect(plan.effect, form, "correct")
    _note_skipped(plan.skipped, form)


def _note_skipped(skipped: int, form: Format) -> None:
    if skipped and form is Format.TABLE:
        show_note(form, f"{skipped} are right as they are, or corrected already")


def show_effect(effect: ChangeEffect, form: Format, verb: str) -> None:
    tables = [each for each in effect.tables if each.differs]
    if form is Format.JSON:
        show_json(
            {
                "messages": effect.wrong,
                "already_void": effect.already_void,
                "right": effect.right,
                "subjects": effect.subjects,
                "shifts": effect.shifts,
                "no_longer_applied": effect.no_longer_applied,
                "tables": [
                    {**each._asdict(), "samples": [change_as_json(one, "now", "then") for one in each.samples]}
                    for each in tables
                ],
                "views": [
                    {**each._asdict(), "samples": [change_as_json(one, "now", "then") for one in each.samples]}
                    for each in effect.views
                ],
            }
        )
        return
    rows = [
        {
            **each._asdict(),
            "columns": _counted(each.columns),
            "views": _views(each.projection),
        }
        for each in tables
    ]
    if form is Format.CSV:
        show_rows(TABLE_COLUMNS, rows, form)
        return
    footer = f"{counted(effect.messages, 'message')}; {counted(effect.subjects, 'subject')}"
    if effect.already_void:
        footer += f"; {effect.already_void} more {'is' if effect.already_void == 1 else 'are'} void already"
    show_rows(
        MessageCount._fields,
        [count._asdict() for count in effect.wrong],
        form,
        title=f"Messages to {verb}",
        footer=footer,
        empty="none",
    )
    if effect.right:
        show_rows(
            MessageCount._fields, [count._asdict() for count in effect.right], form, title="\nRight messages would be"
        )
    if effect.shifts:
        shifts = [shift._asdict() for shift in effect.shifts]
        show_rows(VerdictShift._fields, shifts, form, title="\nOther messages that would have another verdict")
    views = [{**each._asdict(), "columns": _counted(each.columns)} for each in effect.views]
    show_rows(VIEW_COLUMNS, views, form, title="\nRows of orders that would differ in the views now", empty="none")
    samples = [
        row
        for each in effect.views
        for one in each.samples
        for row in sample_rows("view", each.view, one, "now", "then")
    ]
    if samples:
        show_rows(SAMPLE_COLUMNS, samples, form, title="\nSamples")
    show_rows(TABLE_COLUMNS, rows, form, title="\nStored rows that would differ", empty="none")
    if effect.reactors_follow:
        show_warning("reactors follow these subjects: what they would withdraw or state is not counted")
    if effect.messages or effect.right:
        console().print(f"[dim]nothing was stored; to {verb} them, add --do[/dim]")


def _counted(columns: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in columns.items())


def _views(projection: str) -> str:
    """The commands whose answers read a projection."""
    return ", ".join(view.command for view in VIEWS if projection in {one.name for one in view.projections})

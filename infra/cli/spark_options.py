"""What the commands share that read an archive on Apache Spark."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.progress import Progress

from domain.counted import counted
from infra.spark.progress import TaskProgress
from infra.spark.session import LOCAL

ArchiveOption = Annotated[
    str,
    typer.Option(
        "--archive", metavar="DIR", help="The folder of the archive, or its URL, such as s3://bucket/waybill."
    ),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        "--master",
        metavar="MASTER",
        help=f"Where Spark runs, as Spark takes it (default: {LOCAL}; under spark-submit, what that says).",
        show_default=False,
    ),
]
ConfOption = Annotated[
    list[str] | None,
    typer.Option("--conf", metavar="KEY=VALUE", help="A setting of Spark, such as spark.driver.memory=8g; repeatable."),
]
PartitionsOption = Annotated[
    int | None,
    typer.Option(
        "--partitions",
        min=1,
        max=1_000_000,
        metavar="N",
        help="Group the events into N partitions (default: by their number and the processors).",
        show_default=False,
    ),
]


def stages_shown(progress: Progress) -> Callable[[TaskProgress], None]:
    """Shows the stage that Spark is at, and how many of its tasks are done."""
    task = progress.add_task("starting Spark", total=None)

    def show(told: TaskProgress) -> None:
        text = f"{counted(told.events, 'event')}, stage {told.stage}: {told.done:,} of {counted(told.total, 'task')}"
        progress.update(task, completed=told.done, total=told.total, description=text)

    return show


def options_of(conf: list[str] | None) -> dict[str, str]:
    """Spark's settings of --conf. Raises BadParameter."""
    options: dict[str, str] = {}
    for each in conf or ():
        key, separator, value = each.partition("=")
        if not separator or not key.startswith("spark."):
            raise typer.BadParameter(
                f"{each!r} is not KEY=VALUE of Spark, such as spark.driver.memory=8g", param_hint="--conf"
            )
        options[key] = value
    return options

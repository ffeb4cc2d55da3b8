"""The waybill of a later release, in which late deliveries have another version, and a wrong shape: no carrier.

Run as a script, with the arguments of the command.
"""

from collections.abc import Iterable
from dataclasses import replace

from projections import late_deliveries
from projections.projection import Settled
from projections.table import Row

RIGHT = late_deliveries.LATE_DELIVERIES


def without_carrier(settled: Settled) -> dict[str, Iterable[Row]]:
    return {
        table: [late_deliveries.LateDeliveryPeriod._make(row)._replace(carrier=None) for row in rows]
        for table, rows in RIGHT.shape(settled).items()
    }


if __name__ == "__main__":
    late_deliveries.LATE_DELIVERIES = replace(RIGHT, version=RIGHT.version + 1, shape=without_carrier)
    # Imported late, so that every part takes the later projection.
    from infra.cli import main

    main()

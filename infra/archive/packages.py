"""The packages that archives need, imported on first use: they are the optional extra `archive`."""

from typing import Any

from infra.export.arrow_schema import MissingPackageError

_INSTALL = "install Waybill with '.[archive]' instead of '.'"


def pyarrow() -> Any:
    """The package. Raises MissingPackageError."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as e:
        raise MissingPackageError(f"an archive needs pyarrow: {_INSTALL}") from e
    return pyarrow


def fsspec() -> Any:
    """The package. Raises MissingPackageError."""
    try:
        import fsspec
        import fsspec.core
    except ImportError as e:
        raise MissingPackageError(f"an archive needs fsspec: {_INSTALL}") from e
    return fsspec

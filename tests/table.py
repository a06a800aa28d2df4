"""The table as the template describes it."""

from local.table import table_shape

__all__ = ["table_shape"]

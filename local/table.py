"""The table as the template describes it, without deploying the template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_TEMPLATE = Path(__file__).parents[1] / ".chalice" / "resources.yaml"
_SHAPE = (
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
)


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as nothing: the table's shape has none."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def table_shape() -> dict[str, Any]:
    """Return what `create_table` needs beside a name."""
    template = yaml.load(_TEMPLATE.read_text(), Loader=_Loader)  # noqa: S506 - derived from the safe one
    properties = template["Resources"]["Bins"]["Properties"]
    return {name: properties[name] for name in _SHAPE}

"""A policy from a JSON file: what it names takes the place of the default's, the rest stays.

{"version": "FRA1/7", "costs": {"missed_mismatch": 60.0}, "deviations": {"-1": 0.7, "1": 0.3}}
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from chalicelib.policy import DEFAULT, Costs, Policy
from training.config_file import dataclass_of, fitting, require, table_of
from training.errors import UnusableConfigError


def read_policy(file: Path) -> Policy:
    """Read a policy; raises UnusableConfigError where the file is no JSON object or makes no policy."""
    try:
        stated = json.loads(file.read_bytes())
    except ValueError as cause:
        raise UnusableConfigError(f"{file}: no JSON: {cause}") from cause
    try:
        return _policy(str(file), dict(table_of(str(file), stated)))
    except ValueError as cause:
        raise UnusableConfigError(f"{file}: {cause}") from cause


def _policy(where: str, stated: dict[str, Any]) -> Policy:
    unknown = sorted(set(stated) - set(asdict(DEFAULT)))
    require(not unknown, f"{where}: unknown {', '.join(unknown)}; there are {', '.join(asdict(DEFAULT))}")
    costs = asdict(DEFAULT.costs) | dict(table_of(f"{where}: costs", stated.pop("costs", {})))
    stated.setdefault("version", str(Path(where).stem))
    if "deviations" in stated:
        shares = table_of(f"{where}: deviations", stated.pop("deviations"))
        stated["deviations"] = tuple((int(step), float(share)) for step, share in shares.items())
    kinds: dict[str, type] = {"version": str, "deviations": tuple}
    fitted = {name: fitting(f"{where}: {name}", kinds.get(name, float), value) for name, value in stated.items()}
    return replace(DEFAULT, costs=dataclass_of(Costs, f"{where}: costs", costs), **fitted)

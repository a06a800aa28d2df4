"""What the watch's metrics are called; the endpoint's alarm needs the same names, and nothing else of the watch."""

from typing import Final

NAMESPACE: Final = "Bincheck/Watch"
DRIFTED: Final = "Drifted"


def dimensions(endpoint: str, variant: str) -> list[dict[str, str]]:
    """Give the dimensions of a variant's metrics."""
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]

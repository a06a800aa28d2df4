"""Who asks for a change, and what they know of what they want to change. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    `key` is their Idempotency-Key, by which a request that comes again is known. `tags` are the entity tags, without
    quotes, under which the change is meant (If-Match); None where the caller takes it as it stands.
    """

    name: str
    key: str | None = None
    tags: frozenset[str] | None = None

    def refuse_outdated(self, what: str, version: int | str) -> None:
        """Refuse to change what stands in another version than the caller has seen; `what` names it in a sentence.

        Raises:
            PreconditionFailed: it does.
        """
        if self.tags is not None and str(version) not in self.tags:
            seen = ", ".join(sorted(self.tags)) or "none"
            raise PreconditionFailed(f"{what} stands at version {version}, and If-Match names {seen}: read it anew")

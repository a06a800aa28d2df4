"""Where the code of a run comes from."""

import subprocess
from pathlib import Path


def git_commit() -> str | None:
    """Find the commit that the code is at; None outside a repository with one, and where there is no git."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None

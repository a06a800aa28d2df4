"""The page's pure modules, by Node's own test runner; skipped, saying so, where there is no Node.

Extra to the browser's tests, which need a whole system. `tests/page` speaks of formatting, words, distributions, lists
that must not move, pauses, keys, requests that are sent twice, and signing in. The files are copied beside a
`package.json` that calls them modules: none of that belongs to what the page ships.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

_TESTS = Path(__file__).parent.parent
_PAGE = _TESTS.parent / "chalicelib" / "page"
_PATIENCE_S = 120


def test_the_modules_of_the_page_do_what_their_own_tests_say(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node on this machine: on Debian, apt-get install nodejs")
    shutil.copytree(_PAGE, tmp_path / "page")
    for test in (_TESTS / "page").glob("*.test.mjs"):
        shutil.copy(test, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    tests = sorted(path.name for path in tmp_path.glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", *tests], cwd=tmp_path, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    assert tests
    assert done.returncode == 0, done.stdout + done.stderr

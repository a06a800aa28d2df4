"""Modules put together do what they do one by one, and what can't be put together is refused."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import playwright
import pytest

from chalicelib.api import page
from chalicelib.api.bundle import NotInDialect, bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

NODE = Path(playwright.__file__).parent / "driver" / "node"
MODULES = {
    "main.js": """\
import { Counter, twice as doubled } from "./count.js";
import { name } from "./name.js";

// import { nothing } from a comment, and "export const" in a text: both stay.
async function begin() {
  const counter = new Counter();
  counter.add(doubled(3));
  const late = await import("./late.js");
  console.log(name, counter.sum, late.shout(name), `export const ${counter instanceof Counter}`);
  console.log(await late.told(), await late.again());
  const { second } = await import("./second.js");
  console.log(second(new Counter()));
}

begin();
console.log(this === undefined);
""",
    "count.js": """\
const start = 1;
let made = 0;

export class Counter {
  constructor() {
    this.sum = start;
    made += 1;
  }

  add(more) {
    this.sum += more;
  }
}

export function twice(number) {
  return number * 2;
}

export async function howMany() {
  return made;
}
""",
    "late.js": """\
import { Counter, howMany } from "./count.js";
import { mark } from "./shared.js";

const name = "another name of the same kind";
export const shout = (text) => `${text.toUpperCase()}! ${name.length}`;
export const told = async () => `${await howMany()} ${new Counter() instanceof Counter} ${mark}`;
export async function again() {
  const { howMany: asked } = await import("./count.js");
  return asked();
}
""",
    "second.js": """\
import { Counter, howMany as many } from "./count.js";
import { word } from "./word.js";

export function second(counter) {
  return `${word} ${counter instanceof Counter} ${many instanceof Function}`;
}
""",
    "word.js": 'import { name } from "./name.js";\n\nexport const word = `second with ${name}`;\n',
    "shared.js": 'export const mark = "not in the first script";\n',
    "name.js": 'export const name = "bins";\n',
}


SCRIPTS = ("main.js", "second.js")
NAME = {"name.js": MODULES["name.js"]}


def run_in(modules: Mapping[str, str], folder: Path) -> str:
    (folder / "package.json").write_text('{"type": "module"}')
    for name, text in modules.items():
        (folder / name).write_text(text)
    done = subprocess.run([NODE, "main.js"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    apart = run_in(MODULES, tmp_path)
    assert "bins 7 BINS! 29 export const true" in apart
    assert "1 true not in the first script 2" in apart
    (together := tmp_path / "together").mkdir()
    assert run_in(bundled(MODULES, SCRIPTS), together) == apart


def test_the_first_script_imports_nothing_and_leaves_out_what_is_imported_later() -> None:
    script = bundled(MODULES, SCRIPTS)["main.js"]
    assert 'from "./' not in script
    assert "not in the first script" not in script
    assert "second with" not in script


def test_a_later_script_holds_what_the_first_has_not_and_takes_the_rest_from_it() -> None:
    script = bundled(MODULES, SCRIPTS)["second.js"]
    assert "second with" in script
    assert "class Counter" not in script
    assert set(re.findall(r'from "([^"]*)"', script)) == {"./main.js"}


def test_the_same_modules_give_the_same_script_in_whatever_order_they_are_read() -> None:
    assert bundled(MODULES, SCRIPTS) == bundled(dict(reversed(MODULES.items())), SCRIPTS)


@pytest.mark.parametrize(
    "line",
    [
        'import everything from "./name.js";',
        'import * as names from "./name.js";',
        'import "./name.js";',
        'import { name } from "elsewhere";',
        'import {\n  name,\n} from "./name.js";',
        "export default 1;",
        "export let changing = 1;",
        'export { name } from "./name.js";',
        'import { name } from "./missing.js";',
        'import { begin } from "./main.js";',
    ],
)
def test_what_is_written_otherwise_is_refused(line: str) -> None:
    with pytest.raises(NotInDialect):
        bundled({"main.js": 'import { name } from "./other.js";\n', "other.js": f"{line}\n", **NAME}, SCRIPTS[:1])


def test_the_page_itself_can_be_put_together_and_is_made_of_scripts(tmp_path: Path) -> None:
    modules = {path.name: path.read_text() for path in page.FOLDER.glob("*.js")}
    for name, text in bundled(modules, page._SCRIPTS).items():
        (script := tmp_path / name.replace(".js", ".mjs")).write_text(text)
        checked = subprocess.run([NODE, "--check", script], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr

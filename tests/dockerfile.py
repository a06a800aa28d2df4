"""Reads a Dockerfile and carries out in a folder what of it needs no Docker: copies, commands, the environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

PROJECT = Path(__file__).parents[1]
DOCKERFILE = PROJECT / "training" / "serving" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a stage."""

    name: str
    text: str

    def listed(self) -> list[str]:
        """Its words, where they are a JSON list."""
        words: list[str] = json.loads(self.text)
        return words


def stages(text: str) -> dict[str, list[Step]]:
    """Every stage's steps by its name; those of the stage that it starts from come first."""
    found: dict[str, list[Step]] = {"": []}
    current = ""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            base, _, current = rest.partition(" AS ")
            found[current] = [*found.get(base, [])]
        elif name:
            found[current].append(Step(name, rest.strip()))
    return found


def copied(step: Step) -> tuple[list[str], str]:
    """What a COPY from the project copies (patterns), and to where."""
    *sources, target = [word for word in step.text.split() if not word.startswith("--")]
    return sources, target


def let_through(path: str, ignored: str) -> bool:
    """Whether a .dockerignore sends a file to the builder: its last pattern that matches decides."""
    verdict = True
    for line in ignored.splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch(path, pattern):
            verdict = line.startswith("!")
    return verdict


@dataclass
class Image:
    """A folder in place of an image's file system."""

    root: Path
    arguments: dict[str, str]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    directory: str = "/"

    def inside(self, text: str) -> str:
        """The text with the image's absolute paths turned into this folder's."""
        return re.sub(r"(?<![\w./}])/(opt|tmp)/", rf"{self.root}/\1/", text)

    def build(self, steps: list[Step], *, download: bool) -> None:
        """Carry the steps out; without `download`, packages are those of this interpreter."""
        for step in steps:
            match step.name:
                case "ENV":
                    self._set(step.text)
                case "ARG":
                    name, _, value = step.text.partition("=")
                    self.arguments.setdefault(name, value)
                case "WORKDIR":
                    self.directory = step.text
                    Path(self.inside(step.text)).mkdir(parents=True, exist_ok=True)
                case "COPY" if "--from=" not in step.text:
                    self._copy(step)
                case "RUN":
                    self._run(step.text, download=download)

    def _set(self, text: str) -> None:
        for name, value in re.findall(r'(\w+)="?([^"\s]*)"?', text):
            known = self.environment.get("PATH", "")
            self.environment[name] = self.inside(value.replace("${PATH}", "")) + (known if "${PATH}" in value else "")

    def _copy(self, step: Step) -> None:
        sources, target = copied(step)
        folder = Path(self.inside(os.path.join(self.directory, target)))  # noqa: PTH118 - an absolute target wins
        if target.endswith("/"):
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            for name, value in self.arguments.items():
                source = source.replace(f"${{{name}}}", value)  # noqa: PLW2901 - arguments stand for their values
            files = sorted(PROJECT.glob(source))
            assert files, f"nothing is called {source}"
            for file in files:
                shutil.copy(file, folder)

    def _run(self, text: str, *, download: bool) -> None:
        for command in self.inside(text).split(" && "):
            if " -m pip " in command and not download:
                self._lend_packages()
                continue
            subprocess.run(
                [sys.executable, *command.split()[1:]],
                check=True,
                cwd=self.inside(self.directory),
                env={"PATH": os.environ["PATH"]},
            )

    def _lend_packages(self) -> None:
        (packages,) = Path(self.inside("/opt/server/lib/")).glob("python*/site-packages")
        lent = [path for path in sys.path if path.endswith("site-packages")]
        (packages / "lent.pth").write_text("\n".join(lent))

    def tree(self) -> dict[str, int]:
        """Every file and folder, with the time of its last change."""
        return {str(path): path.lstat().st_mtime_ns for path in self.root.rglob("*")}

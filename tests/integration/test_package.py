"""What goes to AWS: the merged template and the zip."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from ops.package import IN_THE_RUNTIME, Packaged

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
OPEN_ROUTES = {("get", "/health"), ("get", "/openapi.json"), ("get", "/page"), ("get", "/page/{file}")}
IMPORT_EVERYTHING = """
import importlib, pathlib, sys
sys.path[:0] = sys.argv[1:]
import app
for path in sorted(pathlib.Path(sys.argv[1], "chalicelib").rglob("*.py")):
    importlib.import_module(".".join(path.relative_to(sys.argv[1]).with_suffix("").parts).removesuffix(".__init__"))
"""


def routes(template: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"].items():
        for method, description in methods.items():
            yield method, path, description


@pytest.fixture(scope="session")
def unpacked(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    ZipFile(packaged.zip).extractall(folder)
    return folder


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
def test_cfn_lint_has_nothing_to_say(packaged: Packaged, tmp_path: Path, region: str) -> None:
    template = tmp_path / "template.json"
    template.write_text(json.dumps(packaged.template))
    # Isolated from the settings of whoever runs it: no rule is ignored.
    lint = [sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())"]
    command = [*lint, "--regions", region, "--template", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_template_replaced_everything_that_chalice_was_told_for_want_of_better(packaged: Packaged) -> None:
    assert "replaced-by" not in json.dumps(packaged.template)


def test_every_function_of_the_app_has_what_the_template_gives_it(packaged: Packaged) -> None:
    functions = {
        name: resource["Properties"]
        for name, resource in packaged.template["Resources"].items()
        if resource.get("Type") == "AWS::Serverless::Function"
    }
    assert set(functions) == {"OnInbox", "OnStatusChange", "APIHandler", "Authorize"}
    for properties in functions.values():
        assert {"Role", "LoggingConfig", "Timeout", "MemorySize"} <= set(properties)
        assert properties["Tracing"] == "Active"
        assert len(properties.get("Events", {})) <= 1


def test_no_resource_is_left_without_a_type(packaged: Packaged) -> None:
    assert [name for name, resource in packaged.template["Resources"].items() if "Type" not in resource] == []


def test_all_routes_but_health_description_and_page_ask_the_authorizer(packaged: Packaged) -> None:
    asked = {(method, path) for method, path, description in routes(packaged.template) if "security" in description}
    everything = {(method, path) for method, path, _ in routes(packaged.template)}
    assert everything - asked == OPEN_ROUTES
    assert len(asked) > 5


def test_the_page_is_packaged_whole_and_every_file_of_it_can_be_served(packaged: Packaged) -> None:
    folder = "chalicelib/page/"
    names = {name.removeprefix(folder) for name in ZipFile(packaged.zip).namelist() if name.startswith(folder)}
    assert names == {path.name for path in (PROJECT / folder).iterdir()}
    assert "index.html" in names
    assert {Path(name).suffix for name in names} <= {".html", ".css", ".js", ".svg"}


def test_the_package_is_small(packaged: Packaged) -> None:
    assert packaged.zip.stat().st_size < 30e6


def test_nothing_but_the_app_and_its_dependencies_is_packaged(packaged: Packaged) -> None:
    tops = {name.split("/", 1)[0] for name in ZipFile(packaged.zip).namelist()}
    ours = {"app.py", "chalicelib", "chalice"}
    unwanted = {"training", "local", "ops", "tests", "models", "torch", "numpy", "sagemaker", *IN_THE_RUNTIME}
    assert ours <= tops
    assert not tops & unwanted


def test_the_package_imports_beside_nothing_but_the_sdk(unpacked: Path, tmp_path: Path) -> None:
    for distribution in IN_THE_RUNTIME:
        spec = find_spec(distribution)
        if spec is not None and spec.origin is not None:
            installed = Path(spec.origin)
            place = installed.parent if installed.name == "__init__.py" else installed
            (tmp_path / place.name).symlink_to(place)
    done = subprocess.run(
        # -S: without it the interpreter would add all that is installed here.
        [sys.executable, "-I", "-S", "-c", IMPORT_EVERYTHING, str(unpacked), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr

"""What is distributed: the contents of the wheel, its metadata, and the pinned versions the tests run with."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TESTED = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def read(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"concurrency_harness-{PROJECT['version']}.dist-info/{name}").decode()


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(read(wheel, "METADATA"))


def test_wheel_installs_harness_only(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"harness", f"concurrency_harness-{PROJECT['version']}.dist-info"}


def test_wheel_holds_every_module_of_the_package(wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "harness").rglob("*.py")}
    assert modules
    assert modules <= set(wheel.namelist())


def test_wheel_carries_the_license(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in read(wheel, "licenses/LICENSE")


def test_wheel_names_itself_and_its_python(metadata: Message) -> None:
    assert metadata["Name"] == "concurrency-harness"
    assert metadata["Requires-Python"] == ">=3.11"


def test_wheel_has_the_plugin_and_the_command(wheel: zipfile.ZipFile) -> None:
    entries = ConfigParser()
    entries.read_string(read(wheel, "entry_points.txt"))
    assert dict(entries["pytest11"]) == {"harness": "harness.plugin"}
    assert dict(entries["console_scripts"]) == {"harness": "harness.cli:main"}


def constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins_for(python: str) -> list[Requirement]:
    environment = default_environment() | {"python_version": python}
    pins = map(Requirement, constraints())
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]


def test_constraints_are_names_and_versions_only() -> None:
    pin = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*(; python_version (<|>=) '3\.\d+')?")
    assert [line for line in constraints() if not pin.fullmatch(line)] == []


@pytest.mark.parametrize("python", TESTED)
def test_constraints_pin_each_package_once(python: str) -> None:
    names = [pin.name for pin in pins_for(python)]
    assert names == sorted(set(names))


@pytest.mark.parametrize("python", TESTED)
def test_every_dependency_is_pinned_within_its_range(python: str) -> None:
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins_for(python)}
    environment = default_environment() | {"python_version": python}
    extras = PROJECT["optional-dependencies"].values()
    for wanted in map(Requirement, [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]):
        if wanted.name == PROJECT["name"]:  # an extra that contains other extras
            assert wanted.extras <= set(PROJECT["optional-dependencies"])
            continue
        if wanted.marker is None or wanted.marker.evaluate(environment):
            version = pinned.get(canonicalize_name(wanted.name))
            assert version is not None, f"{wanted.name} has no version in constraints.txt for Python {python}"
            assert wanted.specifier.contains(version), f"{wanted} does not allow {version}"

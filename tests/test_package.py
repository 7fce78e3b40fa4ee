"""What holds for the package and the repository as a whole."""

import ast
import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points, metadata, requires
from pathlib import Path

import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import morphsep

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "ray", "scipy", "pedalboard", "soundfile", "matplotlib", "pandas", "demucs")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def loaded_by(code: str, packages: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of these packages a fresh interpreter has loaded after `code`."""
    report = f"import sys; print(*[name for name in {packages!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("module", ["morphsep", "morphsep.cli.app", "morphsep.api"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize("arguments", [["--help"], ["morph", "--help"]])
def test_asking_for_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom morphsep.cli.app import main\n"
        f"sys.argv = ['morphsep', *{arguments!r}]\n"
        "try:\n    status = main()\nexcept SystemExit as done:\n    status = done.code\n"
        "assert not status, status"
    )
    # help has to come up in 0.3 s
    assert loaded_by(code, (*HEAVY, "numpy", "pyarrow", "http.client")) == []


def test_all_names_everything_public_in_order() -> None:
    tree = ast.parse((ROOT / "morphsep" / "__init__.py").read_text())
    imported = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("morphsep.")
        for name in node.names
    }
    assert list(morphsep.__all__) == sorted(imported)
    for name in morphsep.__all__:
        assert getattr(morphsep, name).__doc__, name


def imports_of(path: Path) -> list[str]:
    """Dotted names of all that a module imports."""
    found = list[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{name.name}" for name in node.names]
    return found


def is_private(name: str) -> bool:
    """Whether it is an insider's name, of whatever library."""
    top, *parts = name.split(".")
    return top in ("ray", "torch", "obstore") and any(
        part.startswith("_") and not part.startswith("__") for part in parts
    )


@pytest.mark.parametrize("folder", ["morphsep", "pipelines", "jobs", "scripts"])
def test_nothing_private_of_ray_torch_or_obstore_is_imported(folder: str) -> None:
    assert is_private("ray.data._internal.execution")
    assert is_private("ray._private")
    paths = list((ROOT / folder).rglob("*.py"))
    assert paths
    found = {(path.name, name) for path in paths for name in imports_of(path) if is_private(name)}
    assert found == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = morphsep.no_such_name


def test_the_version_is_the_installed_one() -> None:
    assert distribution("morphsep").version == morphsep.__version__


def test_entry_points_resolve() -> None:
    for group in ("morphsep.separators", "morphsep.backends"):
        points = entry_points(group=group)
        assert points
        for point in points:
            assert callable(point.load()), point
    (command,) = entry_points(group="console_scripts", name="morphsep")
    assert callable(command.load())


def test_the_package_says_that_it_is_typed_and_licensed() -> None:
    assert (ROOT / "morphsep" / "py.typed").exists()
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0" in text


def pins(python: str) -> dict[str, Requirement]:
    """What constraints.txt holds for a version of Python."""
    found: dict[str, Requirement] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate({"python_version": python}):
            assert canonicalize_name(pin.name) not in found, f"{pin.name} is pinned twice"
            found[canonicalize_name(pin.name)] = pin
    return found


def _applies(asked: Requirement, python: str) -> bool:
    """Whether any extra asks for it on this Python."""
    extras = metadata("morphsep").get_all("Provides-Extra") or []
    return asked.marker is None or any(
        asked.marker.evaluate({"python_version": python, "extra": extra}) for extra in ["", *extras]
    )


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_within_what_we_ask_for(python: str) -> None:
    pinned = pins(python)
    for text in requires("morphsep") or []:
        asked = Requirement(text)
        name = canonicalize_name(asked.name)
        if name == "morphsep" or not _applies(asked, python):
            continue
        (pin,) = pinned[name].specifier
        assert pin.operator == "=="
        assert asked.specifier.contains(pin.version), f"{asked} but {pinned[name]}"


@pytest.mark.parametrize("clip", ["feelings", "metal-madness"])
def test_a_clip_and_its_guitar_are_aligned_and_credited(clip: str) -> None:
    mix = soundfile.info(ROOT / "demo" / f"{clip}.ogg")
    guitar = soundfile.info(ROOT / "demo" / f"{clip}.guitar.ogg")
    assert (mix.frames, mix.samplerate, mix.channels) == (
        guitar.frames,
        guitar.samplerate,
        guitar.channels,
    )
    assert 20 <= mix.duration <= 30
    credits = (ROOT / "demo" / "CREDITS.md").read_text()
    for path in (ROOT / "demo").iterdir():
        assert path.name == "CREDITS.md" or path.name in credits


def repository_files() -> list[Path]:
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


in_a_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")

# Written in parts, so that this file does not hold what it looks for.
ABSOLUTE_PATH = re.compile(r"(?<![\w.~}])/" + r"(?:home|Users|root|work|opt|tmp)/\w")
INDEX_HOST = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "download" + r"\.pytorch"))
)
INDEX_OPTION = re.compile("--(?:extra-)?" + r"index-url[ =]|" + "--" + r"find-links[ =]")


@in_a_checkout
@pytest.mark.parametrize("forbidden", [ABSOLUTE_PATH, INDEX_HOST, INDEX_OPTION])
def test_no_file_names_a_machine_or_a_package_index(forbidden: re.Pattern[str]) -> None:
    found = []
    for path in repository_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if "\0" not in text:
            found += [f"{path.relative_to(ROOT)}: {m.group()}" for m in forbidden.finditer(text)]
    assert found == []


@in_a_checkout
def test_no_file_is_large() -> None:
    # the trained separator may take 8 MB; all else is text, or a short clip
    limits = {"embedded.safetensors": 8_000_000}
    large = [
        path.name
        for path in repository_files()
        if path.stat().st_size > limits.get(path.name, 1_000_000)
    ]
    assert large == []

"""The documents: what they point to is there, and what they say of the program is so."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jobs import command_line_page
from scripts import build_docs

ROOT = Path(__file__).resolve().parent.parent
SITE_PAGES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "demo" / "CREDITS.md", *SITE_PAGES]
SOURCES = ("morphsep", "pipelines", "jobs", "tests", "scripts")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def in_nav(entries: list[dict[str, object]]) -> list[str]:
    pages: list[str] = []
    for entry in entries:
        for value in entry.values():
            pages += in_nav(value) if isinstance(value, list) else [str(value)]
    return pages


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_modules_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in set(re.findall(r"python -m (jobs[.\w]*\w)", text)):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
    for path in set(re.findall(r"`((?:tests|morphsep|jobs|pipelines)/[\w/]+(?:\.\w+|/))`", text)):
        assert (ROOT / path).exists(), path
    for module, names in re.findall(
        r"^::: ([\w.]+)\n(?:    .*\n)*?      members: \[(.*)\]", text, re.M
    ):
        face = importlib.import_module(module)
        assert not [each for each in names.split(", ") if not hasattr(face, each)], module


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_readme_lists_every_marker() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = settings["tool"]["pytest"]["ini_options"]["markers"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker in markers:
        assert f"| `{marker.partition(':')[0]}` |" in readme


def test_every_page_is_in_the_navigation() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    pages = in_nav(config["project"]["nav"])
    assert sorted(pages) == [str(page.relative_to(ROOT / "docs")) for page in SITE_PAGES]


def test_documents_that_the_code_names_exist() -> None:
    files = [ROOT / "cluster.yaml", ROOT / "jobs" / "kuberay.yaml"]
    for folder in SOURCES:
        files += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md")]
    named = {
        (name(file), page)
        for file in files
        for page in re.findall(r"\bdocs/[\w/-]+\.md", file.read_text(encoding="utf-8"))
    }
    assert named
    assert not [pair for pair in named if not (ROOT / pair[1]).exists()]


def test_the_command_line_page_is_what_help_says() -> None:
    written = command_line_page.PAGE.read_text(encoding="utf-8")
    assert written == command_line_page.page(), "run python -m jobs.command_line_page"


def test_the_pipeline_in_the_architecture_is_the_one_that_runs() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(REPROCESS = .*?)```", page, re.S)
    assert block in (ROOT / "pipelines" / "reprocess.py").read_text(encoding="utf-8")


def test_the_site_builds_without_a_warning_and_fetches_nothing() -> None:
    done = subprocess.run(
        [sys.executable, build_docs.__file__], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("page.html", '<script src="https://example.org/a.js"></script>'),
        ("page.html", '<link rel="stylesheet" href="//example.org/a.css">'),
        ("page.html", '<link rel="preconnect" href="https://example.org">'),
        ("page.html", '<style>p { background: url("https://example.org/a.png") }</style>'),
        ("page.html", '<img src="https://example.org/a.png">'),
        ("style.css", "@import 'https://example.org/fonts.css';"),
    ],
)
def test_what_is_fetched_from_elsewhere_is_found(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    assert len(list(build_docs.fetched_from_elsewhere(tmp_path))) == 1


def test_links_to_elsewhere_are_no_fetches(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<link rel="canonical" href="https://example.org/"><a href="https://example.org">there</a>'
        '<script src="assets/a.js"></script><img src="data:image/png;base64,AA==">'
    )
    assert not list(build_docs.fetched_from_elsewhere(tmp_path))

"""The course's site: it builds without a warning, has every task, and gives no solution away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from test_leaks import ALLOWED, TRIVIAL, as_written, returns_a_name, solutions, statements

from minitorch.course import load_tasks
from minitorch.course.curriculum import load_modules

TOP = Path(__file__).parents[2]
TASKS = load_tasks()
PAGES = sorted((TOP / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as strictly as can be, with every example run."""
    pytest.importorskip("mkdocs", reason="the site is built with the packages of the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # With what Python leaves behind, which must not be published.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, cwd=TOP, capture_output=True, text=True,
        env={**environment, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_module_has_its_page_and_every_task_its_place_there(site: Path) -> None:
    for module in load_modules():
        page = (site / f"module{module.id}" / "index.html").read_text(encoding="utf-8")
        found = re.findall(r'<h3 id="(task-[^"]*)"', page)
        wanted = [task.id for task in TASKS if task.module == module.id]
        assert found == ["task-" + id.replace(".", "-") for id in wanted]


@pytest.mark.slow
def test_the_pages_load_nothing_from_elsewhere(site: Path) -> None:
    elsewhere = re.compile(
        r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//"""
        r"""|url\(["']?(?:https?:)?//|@import"""
    )
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 10
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not (found := elsewhere.search(text)), f"{page}: {text[found.start() :][:200]}"


@pytest.mark.slow
def test_nothing_is_published_but_pages(site: Path) -> None:
    assert not [*site.rglob("*.py"), *site.rglob("*.pyc")]


@pytest.mark.slow
def test_pictures_have_words_for_those_who_cannot_see_them(site: Path) -> None:
    count = 0
    for page in site.rglob("index.html"):
        text = page.read_text(encoding="utf-8")
        for figure in re.findall(r'<figure class="drawn.*?</figure>', text, re.DOTALL):
            assert re.search(r"<figcaption>[^<]+</figcaption>", figure), f"{page}: {figure[:200]}"
            count += 1
    assert count > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_has_a_statement_of_a_solution(page: Path) -> None:
    allowed = as_written(TRIVIAL).union(*map(as_written, ALLOWED.values()))
    secret = {
        statement for statement in solutions(TASKS) - allowed if not returns_a_name(statement)
    }
    for code in re.findall(
        r"^ *```python.*?\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        code = textwrap.dedent(code)
        try:
            found = {statement for statement, _ in statements(code)}
        except SyntaxError:  # a part of a function
            found = set(map(str.strip, code.splitlines()))
        assert not found & secret

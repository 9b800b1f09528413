"""The table, on the screen and in RESULTS.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from .harness import COMPILED, DISTURBED, EAGER, NUMPY, OURS, Comparison, Quartiles
from .processes import Figure

__all__ = ["markdown", "print_tables", "write"]

Table = tuple[str, list[str], list[list[str]]]

MARKS = {True: "yes", False: "**no**", None: ""}


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    unit, size = next((one for one in units if seconds >= one[1]), units[-1])
    value = seconds / size
    decimals = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{decimals}f} {unit}"


def ratio(found: Quartiles | None, spread: bool = False) -> str:
    """Return a ratio, with its quartiles if they are asked for; "-" where there is none."""
    if found is None:
        return "-"
    middle = f"{found.middle:.2f}"
    return f"{middle} ({found.low:.2f} to {found.high:.2f})" if spread else middle


def summary(comparisons: Sequence[Comparison]) -> Table:
    """Return one line for each row of the issue's table, and each number of threads."""
    headings = ["row", "threads", "at most", "median", "worst", "where", "met"]
    lines = []
    groups: dict[tuple[str, int], list[Comparison]] = {}
    for one in comparisons:
        groups.setdefault((one.row, one.threads), []).append(one)
    for (row, threads), members in groups.items():
        judged = [one for one in members if one.met is not None]
        if not judged:
            continue
        # Targets may differ within a row; the worst is the one furthest above its own.
        judged.sort(key=lambda one: one.ratios[EAGER].middle / (one.target or 1.0))
        worst = judged[-1]
        middle = sorted(one.ratios[EAGER].middle for one in judged)[len(judged) // 2]
        targets = sorted({one.target for one in judged if one.target is not None})
        disturbed = sum(one.disturbed >= DISTURBED for one in judged)
        lines.append(
            [
                row,
                str(threads),
                " / ".join(f"{target:g}" for target in targets),
                f"{middle:.2f}",
                ratio(worst.ratios[EAGER]),
                f"{worst.name}, {worst.dtype}",
                f"{sum(one.met is True for one in judged)} of {len(judged)}"
                + (f", {disturbed} disturbed" if disturbed else ""),
            ]
        )
    return "Summary: minitorch's time as a ratio to PyTorch eager's", headings, lines


def details(comparisons: Sequence[Comparison]) -> Table:
    """Return one line for each comparison."""
    headings = [
        "row",
        "case",
        "dtype",
        "threads",
        OURS,
        EAGER,
        "ratio (quartiles)",
        "at most",
        "met",
        "to torch.compile",
        "to numpy",
    ]
    lines = []
    before = ""
    for one in comparisons:
        cells = [
            one.row if one.row != before else "",
            one.name,
            one.dtype,
            str(one.threads),
            *[duration(one.seconds[who]) if who in one.seconds else "-" for who in (OURS, EAGER)],
            ratio(one.ratios.get(EAGER), spread=True),
            f"{one.target:g}" if one.target is not None else "",
            MARKS[one.met],
            ratio(one.ratios.get(COMPILED)),
            ratio(one.ratios.get(NUMPY)),
        ]
        if one.disturbed >= DISTURBED:
            cells[6] += " disturbed"
        if one.problem:
            cells[6] = f"{cells[6]} {one.problem}".removeprefix("- ")
        lines.append(cells)
        before = one.row
    return "Every comparison", headings, lines


def absolute(figures: Sequence[Figure]) -> Table:
    """Return one line for each figure."""
    lines = [[one.name, one.value, one.target, MARKS[one.met]] for one in figures]
    return "Start-up and memory", ["what", "measured", "asked for", "met"], lines


def tables(comparisons: Sequence[Comparison], figures: Sequence[Figure]) -> list[Table]:
    """Return all tables that have lines."""
    made = [summary(comparisons), absolute(figures), details(comparisons)]
    return [table for table in made if table[2]]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def markdown(
    about: Sequence[tuple[str, str]],
    comparisons: Sequence[Comparison],
    figures: Sequence[Figure],
) -> str:
    """Return the page.

    Args:
        about: names and values of what decides the figures: machine, versions, date, command.
        comparisons, figures: what was measured.
    """
    parts = [
        "# How fast minitorch is\n",
        "Written by `python -m benchmarks`. A ratio is minitorch's time divided by the other's, "
        "so below 1 minitorch is faster: the median over rounds in which both ran a short block "
        "of calls in a random order, and the quartiles. All run in one process, with the same "
        "number of threads.\n",
        "\n".join(f"- {name}: {value}" for name, value in about) + "\n",
    ]
    for title, headings, lines in tables(comparisons, figures):
        rows = [headings, ["---"] * len(headings), *lines]
        body = "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)
        parts.append(f"## {title}\n\n{body}\n")
    return "\n".join(parts)


def write(path: Path, page: str) -> None:
    """Write the page; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def print_tables(
    about: Sequence[tuple[str, str]],
    comparisons: Sequence[Comparison],
    figures: Sequence[Figure],
) -> None:
    """Print everything; through rich where it is there."""
    for name, value in about:
        print(f"{name}: {value}")
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
    except ImportError:
        for title, headings, lines in tables(comparisons, figures):
            widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
            print(f"\n{title}")
            for line in (headings, *lines):
                padded = zip(line, widths, strict=True)
                print("  ".join(cell.ljust(width) for cell, width in padded).rstrip())
        return
    console = Console()
    if not console.is_terminal:
        console.width = 200
    for title, headings, lines in tables(comparisons, figures):
        table = RichTable(*headings, title=title)
        for line in lines:
            table.add_row(*[cell.replace("**no**", "[red]no[/red]") for cell in line])
        console.print(table)

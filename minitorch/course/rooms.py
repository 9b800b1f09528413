"""Which files of the solution a starter has, by the table's rooms."""

from __future__ import annotations

from pathlib import Path

from .curriculum import Room

__all__ = ["course_files", "room_of", "starter_files"]

# What running and looking leaves behind.
_LEFT_BEHIND = (".pyc", ".nbi", ".nbc")


def room_of(file: str, rooms: tuple[Room, ...]) -> Room | None:
    """Return the room that a file is in: of those that fit, the last; None if none does.

    Args:
        file: its path from the top of the repository, with slashes.
        rooms: the rooms of the table.
    """
    for room in reversed(rooms):
        if file == room.path or (room.path.endswith("/") and file.startswith(room.path)):
            return room
    return None


def course_files(root: Path, rooms: tuple[Room, ...]) -> list[str]:
    """Return the files of a checkout that are in some room, sorted, as paths with slashes."""
    found = set()
    for room in rooms:
        place = root / room.path
        inside = place.rglob("*") if room.path.endswith("/") else [place]
        for path in inside:
            within = path.relative_to(place).parts
            hidden = any(part.startswith(".") or part == "__pycache__" for part in within)
            if path.is_file() and not hidden and path.suffix not in _LEFT_BEHIND:
                found.add(path.relative_to(root).as_posix())
    return sorted(found)


def starter_files(root: Path, rooms: tuple[Room, ...], module: str) -> list[str]:
    """Return the files that a starter up to a module has.

    Args:
        root: the top of the solution.
        rooms: the rooms of the table.
        module: the id of the starter's last module.
    """
    kept = []
    for file in course_files(root, rooms):
        room = room_of(file, rooms)
        if room is not None and room.kind != "reference" and int(room.module) <= int(module):
            kept.append(file)
    return kept

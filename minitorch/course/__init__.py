"""The course: its tasks, and what is made from the table of them."""

from .curriculum import Blank, Task, load_tasks
from .cutter import cut, is_blank

__all__ = ["Blank", "Task", "cut", "is_blank", "load_tasks"]

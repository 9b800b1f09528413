"""The tools of the course, under a name that can be imported when minitorch cannot.

`import minitorch.course.plugin` runs `minitorch/__init__.py` first, and with it every file that a
student edits. `import minitorch_course.plugin` runs the same file of the folder `minitorch/course`
without that.
"""

from pathlib import Path

__path__ = [str(Path(__file__).with_name("minitorch") / "course")]

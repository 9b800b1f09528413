"""`python -m project.assignments.conv_solver` writes the input files and the output files."""

from __future__ import annotations

from pathlib import Path

from .csv_files import write_inputs, write_outputs

HERE = Path(__file__).parent

write_inputs(HERE / "input_files")
write_outputs(HERE / "input_files", HERE / "output_files")

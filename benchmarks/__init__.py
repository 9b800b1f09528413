"""How fast minitorch is, as ratios to PyTorch and numpy: `python -m benchmarks`.

`harness.py` times, `rows_*.py` say what is compared and what must be reached, `processes.py`
measures what needs a process of its own, `report.py` writes it all down.
"""

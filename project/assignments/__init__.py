"""The assignments of other courses, worked through with minitorch alone."""

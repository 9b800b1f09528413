"""Pictures of the pages, drawn at each build from what the library computes."""

"""The state branch: which kinds of files it has, and how they are read, written and archived."""

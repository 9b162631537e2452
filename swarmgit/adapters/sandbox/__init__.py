"""What bounds a session: which files, programs, hosts and how much of the machine it can reach."""

"""Look: commits, state files, sessions, gate runs and outboxes as one value. Changes nothing."""

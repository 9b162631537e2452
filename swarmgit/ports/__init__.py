"""Small protocols between the steps of the tick and the machine, by consumer. Real parts are in `adapters`."""

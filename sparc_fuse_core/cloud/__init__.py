"""The tasks of the state machine, what starts them, and the deployed app."""

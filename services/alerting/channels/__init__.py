"""The doors to the outside world: one file a channel, the courier that carries notifications through them, and their guards."""

"""The door to memory or Redis: result cache, sessions, live fan-out."""

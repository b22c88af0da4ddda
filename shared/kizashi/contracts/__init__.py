"""All that crosses a process boundary: topics, messages, ids and their encoding. Each is defined here once."""

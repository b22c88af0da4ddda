"""HTTP receivers: each turns one protocol into samples or events and answers as that protocol's senders expect."""

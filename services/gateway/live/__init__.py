"""Live push: the tail of the score topics, cut by what each screen subscribed to; one slow reader never delays another."""

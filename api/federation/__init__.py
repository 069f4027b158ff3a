"""Between nodes: what an agency raises to the centre, the centre's receipts and words, each with a visible state."""

"""What needs somebody now, and what a node still lacks: the start page's one answer."""

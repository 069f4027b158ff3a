"""Correlations: state over the stream of matches. `kinds/` holds one file a Sigma correlation type."""

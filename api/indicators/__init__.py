"""Indicators of the node: taking lists in, the set files, sightings, looking backwards. See README.md."""

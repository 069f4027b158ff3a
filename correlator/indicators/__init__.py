"""Indicators: values that others have found bad, matched live and backwards. See README.md."""

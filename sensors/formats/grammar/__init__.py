"""Grammar that several formats share: times, addresses, text. Not formats themselves."""

"""Grammar that several protocols share. Nothing here is found by the registry."""

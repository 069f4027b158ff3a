"""The organisation of the state as data: units, what they were called and when, what became of them."""

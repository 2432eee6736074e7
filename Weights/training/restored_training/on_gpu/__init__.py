"""A run of minutes on a machine with a GPU and many cores and without a network: what travels there, what runs there, what comes back."""

MEBIBYTE = 1 << 20
FILE_LIMIT = 16 * MEBIBYTE  # of each file that comes back, and of a state that travels
TRAVEL_LIMIT = 64 * MEBIBYTE  # of all that travels there, the repository's own files included

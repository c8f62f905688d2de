"""How far lists can be paged."""

PAGE_SIZE_MAX = 100
# The databases refuse whole numbers of more than 64 bits, which page times size must not be.
PAGE_MAX = 1_000_000

"""How far lists can be paged."""

PAGE_SIZE_MAX = 100
# SQLite refuses whole numbers of more than 64 bits.
PAGE_MAX = 1_000_000

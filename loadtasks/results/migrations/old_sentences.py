"""The sentences that versions before 0008 stored, as codes with parameters."""

UNPAIRED = "so only its targets were judged: "

"""placeholder"""


def peers(series, with_otava):
    return ()

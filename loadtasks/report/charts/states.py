"""What a run, a scenario or a point of a chart is, as a shape with a colour: colour is never the only sign."""

from enum import Enum

from loadtasks.results.judgement import Verdict


class ChartState(Enum):
    """The state of a measurement, as it is marked in charts and tables."""

    PASS = ("✓", "pass", "ink", "M0.8,0A0.8,0.8,0,1,1,-0.8,0A0.8,0.8,0,1,1,0.8,0", True)
    FAIL = ("✗", "fail", "fail", "M-1,-1L1,1M1,-1L-1,1", False)
    REGRESSED = ("▲", "regressed", "regressed", "M0,-1.15L1.1,0.85L-1.1,0.85Z", True)
    IMPROVED = ("▼", "improved", "improved", "M0,1.15L1.1,-0.85L-1.1,-0.85Z", True)
    INVALID = ("?", "invalid", "invalid", "M-0.9,-0.9H0.9V0.9H-0.9Z", False)
    SUSPECTED = ("△", "suspected", "regressed", "M0,-1.15L1.1,0.85L-1.1,0.85Z", False)
    RECOVERING = ("↺", "recovering", "pass", "M1,0A1,1,0,1,1,0,-1M-0.5,-1.5L0,-1L-0.5,-0.5", False)
    ENVIRONMENT_CHANGED = ("◇", "environment changed", "soft", "M0,-1.35L1.35,0L0,1.35L-1.35,0Z", False)
    INCONCLUSIVE = ("·", "inconclusive", "soft", "M0.7,0A0.7,0.7,0,1,1,-0.7,0A0.7,0.7,0,1,1,0.7,0", False)
    NO_BASELINE = ("·", "no baseline yet", "soft", "M0.5,0A0.5,0.5,0,1,1,-0.5,0A0.5,0.5,0,1,1,0.5,0", True)

    def __init__(self, symbol: str, word: str, colour: str, path: str, filled: bool) -> None:
        self.symbol = symbol
        """One character, for text."""
        self.word = word
        self.colour = colour
        """The name of the CSS variable, and of a colour of `theme.Theme`."""
        self.path = path
        """The shape as an SVG path in a square from -1 to 1, for charts."""
        self.filled = filled
        """Whether the shape is filled; otherwise its outline is drawn."""


_STATES = {None: ChartState.NO_BASELINE} | {verdict: ChartState[verdict.name] for verdict in Verdict}


def state_of(verdict: Verdict | None) -> ChartState:
    """The state that a verdict is; None: it was not judged."""
    return _STATES[verdict]

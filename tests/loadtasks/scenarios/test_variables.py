"""`${NAME}` is refused wherever it stands."""

from typing import Any

import pytest

from loadtasks.scenarios.variables import check_no_variable


@pytest.mark.parametrize(
    "value", ["${A}", "x ${_a1} y", "${A:-b}", "${A-}", "${A:?is missing}", ["x", {"y": "${A}"}], {"${A}": 1}]
)
def test_a_variable_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"environment variables are not filled in, so that \$\{\w+"):
        check_no_variable(value)


@pytest.mark.parametrize(
    "value", ["$A", "${}", "${1}", "{{A}}", "{A}", "$ {A}", "${a.b}", "${jndi:x}", 1, None, [True]]
)
def test_what_names_no_variable_is_taken(value: Any) -> None:
    check_no_variable(value)

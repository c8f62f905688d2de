"""Which runs of the past people mean: those of one service, and the newest of them."""

from loadtasks.errors import BadInputError
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext

LATEST = "latest"
_MAX_NAMES = 10
"""How many services a sentence names."""


def find_service(context: RunContext, store: Store) -> str:
    """The service that is looked back at: the one named, else the only one that has runs, else the target's.

    Raises:
        BadInputError: it has no run, or it isn't clear which one is meant; the sentence names those that there are.
    """
    services, named = store.services(), context.settings.service
    if not services:
        raise BadInputError("there is no run yet; start one with `python -m loadtasks run`.")
    known = ", ".join(services[:_MAX_NAMES]) + (", ..." if len(services) > _MAX_NAMES else "")
    if named is not None and named not in services:
        raise BadInputError(f"there is no run of the service {named!r}; there are runs of {known}.")
    if named is None and len(services) > 1 and context.service not in services:
        raise BadInputError(
            f"there are runs of {len(services)} services here: {known}; name one with --service or LOADTASKS_SERVICE."
        )
    if named is None and len(services) == 1:
        return services[0]
    return context.service


def find_run(context: RunContext, run_id: str) -> str:
    """The id of a run; `latest` is the run of the service that was opened last.

    Raises:
        BadInputError: there is no such run.
    """
    with Store.open(context.workspace.results_url) as store:
        if run_id == LATEST:
            return store.run_ids(find_service(context, store))[0]
        return store.run(run_id).id

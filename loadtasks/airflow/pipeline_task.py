"""The decorator of the pipeline's tasks: Airflow's `@task`, with an operator class of its own.

The class is what the links in the UI are registered for (`dag_links`), so that tasks of other DAGs don't have them.
"""

from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Any, ClassVar, cast

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, task_decorator_factory

from loadtasks.airflow.task_failure import NO_RETRY


class PipelineOperator(DecoratedOperator, PythonOperator):
    """Calls a Python function, as `@task` does."""

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
    custom_operator_name = "@task"

    def __init__(self, *, python_callable: Callable[..., Any], op_args: Any, op_kwargs: Any, **options: Any) -> None:
        call = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=call, **call, **options)


def pipeline_task(**options: Any) -> TaskDecorator:
    """Make a task of a function: `@pipeline_task()`, or `@pipeline_task(pool="...")`.

    The function's docstring, Markdown, is what the UI says about the task. A `TaskFailure` is never retried.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        # Airflow itself takes the docstring of tasks that are not mapped, with the indentation of the code.
        documented: dict[str, Any] = {"doc_md": cleandoc(function.__doc__ or ""), "retry_policy": NO_RETRY} | options
        return task_decorator_factory(decorated_operator_class=PipelineOperator, **documented)(function)

    return cast("TaskDecorator", decorate)

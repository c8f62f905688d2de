"""The optimisation service: the API that the pipeline exercises out of the box.

``create_app`` is the application factory; ``python -m app`` prepares the database and prints tokens.
"""

from app.application import create_app

__all__ = ["__version__", "create_app"]

__version__ = "0.1.0"

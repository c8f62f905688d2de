"""The optimisation service: the API that the pipeline exercises out of the box.

`app.application.create_app` is the application factory; `python -m app` prepares the database and prints tokens.
"""

__version__ = "0.1.0"

"""The OpenAPI document, made from the routes and their models, and a page that shows it."""

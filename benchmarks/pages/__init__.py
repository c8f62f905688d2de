"""How fast the pages in Airflow are, and what they look like, with a large history."""

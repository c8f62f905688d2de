"""The pages in Airflow's UI: a web application below `/performance`, and the plugin that mounts it and links to it."""

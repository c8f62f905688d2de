"""When it runs: the Airflow DAG, what it takes from Airflow's connections, and the Airflow UI plugin."""

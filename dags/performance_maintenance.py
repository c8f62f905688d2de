"""Between the runs, every hour: notices that none came, prunes old ones and makes room."""

from loadtasks.airflow import maintenance_dag

performance_maintenance = maintenance_dag()

"""The database: connections, tables, migrations, the read replica."""

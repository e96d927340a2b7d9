"""Django database backend that brings its own PostgreSQL, kept under `DATA_DIR/postgres`."""

"""Multiplies the operations and audit lines that there are, so that the database holds many rows of others.

Rows are copied column by column under new ids, so the script needs to know no column but the key and what has to differ.
"""

import sqlite3
import sys

database, rows = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(database)
for table in ("operations", "audit_log"):
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    [owner] = connection.execute(f"SELECT id FROM {table} WHERE collection_id IS NOT NULL ORDER BY id LIMIT 1").fetchone()
    # Version 7 of UUID begins with the time: copies of the first row get its time, and lie before everything that follows.
    new = {"id": "CAST(substr(source.id, 1, 6) || randomblob(10) AS BLOB)", "idempotency_key": "NULL"}
    values = ", ".join(new.get(column, f'source."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    connection.execute(
        f"""WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
            INSERT OR IGNORE INTO {table} ({names}) SELECT {values} FROM numbers, {table} AS source WHERE source.id = ?""",
        (rows, owner),
    )
connection.commit()
connection.close()

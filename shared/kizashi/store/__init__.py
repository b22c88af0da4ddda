"""The door to ClickHouse: client, blocks, watermarks, migrations and views."""

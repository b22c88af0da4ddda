"""Grafana on the store's views: datasource, dashboards for every finding, alert rules, for the official ClickHouse plugin."""

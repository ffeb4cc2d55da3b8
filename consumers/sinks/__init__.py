"""Sinks: where Waybill publishes records, and the Kafka producer."""

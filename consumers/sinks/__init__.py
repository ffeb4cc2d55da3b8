"""Where messages go to: what Waybill publishes, and the Kafka producer that carries it."""

"""What Waybill tells others: from stored events and notices to records for Kafka. Pure; infra/relay reads and sends."""

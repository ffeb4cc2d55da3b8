"""Checking messages against the contract, without a store and without Kafka."""

"""Turns stored events and notices into Kafka records. Pure; infra/outbox reads, infra/runtime/relay.py sends."""

"""The outboxes of the relay, a reactor: what took effect, verdicts, and dead letter copies.

A reactor acts on the world, so it is not a projection: its checkpoint is in the store and only grows. No rebuild,
replay or reingest moves it back.
"""

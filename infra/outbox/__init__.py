"""The relay, a reactor: tells others what took effect and which verdicts there are, and remembers what it has told.

A reactor acts on the world, so it is no projection: its position lies in the store, only ever grows, and nothing that
is rebuilt, replayed or read again moves it back.
"""

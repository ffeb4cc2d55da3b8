"""`waybill doctor`: looks at everything, and says what is wrong, since when, and what to type.

`looking.py` reads the store, `kafka_looking.py` the broker; both write nothing. What was read is in `seen.py`. Each
check is a pure function from that to findings, one file a group of checks. `doctor.py` runs them all.
"""

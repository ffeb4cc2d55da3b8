"""The version of the contract, apart from that of the package. It follows semantic versioning:

- Patch: another presentation of the same contract, such as the name of a schema. Texts alone move nothing.
- Minor: more is taken or told, and every message stays valid: a new message type, a new optional field, a new value of
  an enumeration, a wider bound.
- Major: a message that was valid is not valid any more, or something that the relay told is gone. Then a message type
  gets a new version too (`order.placed.v2`), beside the old one.

tests/contract/test_contract_versions.py compares the contract with the earlier versions in tests/contract/data;
`make contract` writes the present one there.
"""

CONTRACT_VERSION = "1.1.1"

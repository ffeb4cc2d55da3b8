"""The steps by which the register's tables came to be what they are, one file a step, run by `waybill migrate`."""

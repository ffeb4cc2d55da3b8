"""The migrations of the register's tables, one file a step, run by `waybill migrate`."""

"""The command `waybill` as a file that `spark-submit` takes: `spark-submit … submit.py spark rebuild --archive …`."""

from infra.cli import main

if __name__ == "__main__":
    main()

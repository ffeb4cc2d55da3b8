"""Why a broker was not reached. kafka-python says that it was "unable to bootstrap", and tells why to its log alone."""

import logging

REFUSED = "SaslAuthenticationFailedError"


class _LastFailure(logging.Handler):
    """Remembers why a connection failed last; that a password was refused counts more than that the line went dead."""

    failure: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        said = record.args if isinstance(record.args, tuple) else ()
        for failure in said:
            if isinstance(failure, Exception) and type(self.failure).__name__ != REFUSED:
                self.failure = failure


_last = _LastFailure(logging.WARNING)


def listen_for_reasons() -> None:
    """Hear what kafka-python tells its log of connections that failed. Doing it again changes nothing."""
    log = logging.getLogger("kafka.net.manager")
    log.setLevel(logging.WARNING)
    log.propagate = False
    if _last not in log.handlers:
        log.addHandler(_last)


def cause_of(error: Exception) -> Exception:
    """The failure behind one that only says that no broker was reached, as far as it was heard; else the error."""
    return _last.failure if "Unable to bootstrap" in str(error) and _last.failure is not None else error

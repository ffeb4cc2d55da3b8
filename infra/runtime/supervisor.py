"""The supervisor runs the long-running parts in one process: they start together, and if one fails, all stop."""

from collections.abc import Callable, Mapping
from threading import Event, Thread


def supervise(parts: Mapping[str, Callable[[], object]], stop: Event) -> None:
    """Run each part in its own thread until `stop` is set; every part obeys `stop`.

    A part that fails sets `stop`; its error is raised here after the others have ended.
    """
    failures: list[BaseException] = []

    def run(part: Callable[[], object]) -> None:
        try:
            part()
        except BaseException as e:
            failures.append(e)
        finally:
            # A part that ends by itself also stops the service, which is incomplete without it.
            stop.set()

    threads = [Thread(target=run, args=(part,), name=name) for name, part in parts.items()]
    for thread in threads:
        thread.start()
    # The main thread waits here, so that it can receive signals.
    stop.wait()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]

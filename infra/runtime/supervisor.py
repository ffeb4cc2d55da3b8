"""Long-running parts of the service in one process: they start together, and none goes on when another has failed."""

from collections.abc import Callable, Mapping
from threading import Event, Thread


def supervise(parts: Mapping[str, Callable[[], object]], stop: Event) -> None:
    """Run each in a thread of its own until `stop` is set, which each of them heeds.

    One that fails sets it, and what it raised is raised here when the others have ended.
    """
    failures: list[BaseException] = []

    def run(part: Callable[[], object]) -> None:
        try:
            part()
        except BaseException as e:
            failures.append(e)
        finally:
            # A part that ends by itself is as good as one that failed: the service is not whole without it.
            stop.set()

    threads = [Thread(target=run, args=(part,), name=name) for name, part in parts.items()]
    for thread in threads:
        thread.start()
    # The main thread waits here, where signals reach it.
    stop.wait()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]

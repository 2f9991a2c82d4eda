"""A queue that empties: messages that were submitted while their destinations were down, and tried once, are all sent
when the destinations are back and a person says so (`postern queue retry --all`, `postqueue -f`); in the same run
with Postfix, alternating runs, medians and their ratio. A run begins with that command and ends when the last message
has come to its destination; what is printed as accepted is how fast the queue was filled.

What the two servers are, and where the mail goes: tests/bench/submission.py. In the end one message of each is verified.
"""
import contextlib, time

import submission
from common import alternate, lab, measure


def arguments(parser):
    submission.arguments(parser, 10000)


def fill(place, server):
    """Messages a second."""
    start = time.monotonic()
    place.submit(server, place.a.messages)
    rate = place.a.messages / (time.monotonic() - start)
    lab.wait_for(lambda: server.is_waiting(place.a.messages) or time.sleep(1), 600, 'the end of the first try')
    return rate


def run(place, server):
    filled = fill(place, server)
    place.sinks.start()
    drained, _ = measure(place.sinks.count, place.a.messages, server.flush)
    lab.wait_for(lambda: server.is_waiting(0) or time.sleep(1), 60, 'an empty queue')
    assert place.sinks.count() == place.a.messages, 'a message was sent twice'
    place.sinks.stop()
    return drained, filled


def main(a):
    with contextlib.ExitStack() as keep:
        place = submission.Place(keep, a)
        rates = alternate(a.runs, {name: lambda server=server: run(place, server)
                                   for name, server in place.servers.items()})
        return 0 if place.report(rates) and place.are_honest() else 1

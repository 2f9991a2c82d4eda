"""Mail of our users on its way through: submitted over TLS, signed with RSA-2048 and sent on, beside Postfix with
opendkim in the same run; alternating runs, medians and their ratio. A run begins with the first connection and ends
when the last message has come to its destination.

What the two servers are, and where the mail goes: tests/bench/submission.py. In the end one message of each is verified.
"""
import contextlib

import submission
from common import alternate, measure


def arguments(parser):
    submission.arguments(parser, 4000)


def side(place, server, messages):
    return lambda: measure(place.sinks.count, messages, lambda: place.submit(server, messages))


def main(a):
    with contextlib.ExitStack() as keep:
        place = submission.Place(keep, a)
        place.sinks.start()
        for server in place.servers.values():
            side(place, server, 200)()  # processes and caches are there from the first run on
        rates = alternate(a.runs, {name: side(place, server, a.messages) for name, server in place.servers.items()})
        return 0 if place.report(rates) and place.are_honest() else 1

#!/usr/bin/env python3
"""A script that somebody writes in an afternoon for the same job, for the comparison in docs/benchmarks.md.

    pip install confluent-kafka orjson
    cargo bench --locked --bench ingest -- hold --events 1000000    # prints brokers and topics, and keeps them
    benches/by_hand.py BROKERS TOPIC...

It reads the topics once to their ends, counts duplicates by source and id, keeps the state of each support and the distinct people and
centavos of each UTC day and programme, and prints its CPU and memory. It lacks everything that makes figures survive: checkpoints,
lateness, the programme's zone, windows that close, conflicts, checks of fields, bounds, and metrics.
"""

import resource
import sys
import time
from collections import Counter, defaultdict
from decimal import Decimal

import orjson
from confluent_kafka import Consumer, TopicPartition

BATCH = 1_000
PATIENCE_SECONDS = 5


def event_of(message):
    """The attributes and the data of a record in one of the three envelopes; None if it is malformed."""
    value = message.value() or b""
    if value[:1] == b"\0":
        value = value[5:]
    try:
        event = orjson.loads(value.removeprefix(b"\xef\xbb\xbf"))
        headers = {name.lower(): text.decode() for name, text in message.headers() or () if text is not None}
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    if "ce_id" in headers or "ce_type" in headers:
        return {**event, **{name[3:]: text for name, text in headers.items() if name.startswith("ce_")}}
    if "specversion" in event:
        data = event.get("data")
        return {**event, **data} if isinstance(data, dict) else None
    return event


class Figures:
    def __init__(self):
        self.seen, self.outcomes, self.kinds = set(), Counter(), Counter()
        self.supports, self.people, self.centavos = {}, defaultdict(Counter), Counter()

    def take(self, event):
        try:
            identity = (event.get("source"), event["id"])
            kind, time_of_event = event["type"].removesuffix(".v1").rsplit(".", 1)[1], event["time"]
        except (KeyError, TypeError, AttributeError, IndexError):
            self.outcomes["rejected"] += 1
            return
        if identity in self.seen:
            self.outcomes["duplicate"] += 1
            return
        self.seen.add(identity)
        self.outcomes["applied"] += 1
        self.kinds[kind] += 1
        if "credit" in event:
            self.disburse(kind, time_of_event[:10], event)

    def disburse(self, kind, day, event):
        programme, credit, person = event.get("programme"), event["credit"], event.get("beneficiary")
        before = self.supports.get(credit)
        if kind == "dispersed":
            centavos = int(Decimal(str(event["amount"])) * 100)
            self.supports[credit] = (kind, day, centavos)
            self.people[day, programme][person] += 1
            self.centavos[day, programme] += centavos
        elif kind == "returned" and before and before[0] == "dispersed":
            _, paid, centavos = before
            self.supports[credit] = (kind, paid, 0)
            self.people[paid, programme][person] -= 1
            self.centavos[paid, programme] -= centavos
        elif before is None:
            self.supports[credit] = (kind, day, 0)


def main():
    brokers, *topics = sys.argv[1:]
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "by-hand", "enable.auto.commit": False})
    partitions = [
        TopicPartition(topic, partition, 0)
        for topic in topics
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ]
    left = sum(consumer.get_watermark_offsets(partition)[1] for partition in partitions)
    started, figures = time.monotonic(), Figures()
    consumer.assign(partitions)
    while left > 0:
        messages = consumer.consume(BATCH, PATIENCE_SECONDS)
        if not messages:
            sys.exit(f"{left} records are missing")
        for message in messages:
            figures.take(event_of(message) or {})
        left -= len(messages)
    usage, records = resource.getrusage(resource.RUSAGE_SELF), figures.outcomes.total()
    people = sum(1 for counts in figures.people.values() for left in counts.values() if left > 0)
    print(f"{records} records, {dict(figures.outcomes)}, {people} people by day and programme")
    print(
        f"{(usage.ru_utime + usage.ru_stime) / records * 1e6:.2f} us of CPU a record, {time.monotonic() - started:.1f} s,"
        f" {usage.ru_maxrss * 1024 / 1e6:.0f} MB at most"
    )


if __name__ == "__main__":
    main()

"""Sends what became of one support: approved, then paid. Flat envelope.

    python3 producer.py BROKERS [TOPIC]

Needs confluent-kafka, from Python's package index.
"""

import json
import sys
from datetime import datetime, timezone

from confluent_kafka import Producer

brokers, topic = sys.argv[1], (sys.argv[2:] or ["pacemeter.disbursements.v1"])[0]
failures = []
producer = Producer({
    "bootstrap.servers": brokers,
    # Retries of the client neither repeat nor reorder records.
    "enable.idempotence": True,
    # The partition that Java and Go choose for the same key, so that a person stays in one.
    "partitioner": "murmur2_random",
})


def send(event):
    # One record is in flight until it is acknowledged. Whoever ignores this call loses records unseen.
    producer.produce(topic, key=event["beneficiary"], value=json.dumps(event),
                     on_delivery=lambda error, _: failures.append(error) if error else None)


def event(name, credit, **fields):
    return {
        # The same event always has the same id, also after a restart: a repeated one is then counted once.
        "id": f"{credit}-{name}", "source": "/bank/python", "type": f"disbursement.{name}",
        # The moment at which it happened, not the moment of sending.
        "time": datetime.now(timezone.utc).isoformat(),
        "programme": "credito-a-la-palabra", "state": "MX-OAX", "beneficiary": "B-python", "credit": credit, **fields,
    }


send(event("approved", "C-python", amount="25000.00"))
# A decimal text: a float would not be exact in centavos.
send(event("dispersed", "C-python", amount="25000.00"))
producer.flush(30)
if failures or len(producer):
    sys.exit(f"not acknowledged: {failures or len(producer)}")

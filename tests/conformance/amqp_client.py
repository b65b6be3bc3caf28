"""Speaks to the bridge with Python's own AMQP client: every clause that gateway/amqp/README.md has of the broker's side."""

import base64
import datetime
import json
import sys
import time
import urllib.request

import pika

BROKER, PREFIX, WORKER, CHANNEL = sys.argv[1:5]
KEY = CHANNEL.replace(".", "%2E").replace("/", ".")
WAIT_SECONDS = 10

connection = pika.BlockingConnection(pika.URLParameters(BROKER))
broker = connection.channel()
# From here on a publish that the broker does not confirm is an exception.
broker.confirm_delivery()


def take(queue):
    """The next message of a queue, which then is gone from it."""
    deadline = time.time() + WAIT_SECONDS
    while time.time() < deadline:
        method, properties, body = broker.basic_get(queue, auto_ack=True)
        if method is not None:
            return method, properties, body
        connection.process_data_events(0.02)
    raise AssertionError(f"Nothing came to {queue}.")


def read(count):
    """What is in the channel's log, by the events' ids, when there are so many."""
    deadline = time.time() + WAIT_SECONDS
    while True:
        with urllib.request.urlopen(f"{WORKER}/channels/{CHANNEL}?after=earliest") as page:
            events = json.load(page)["events"]
        if len(events) >= count or time.time() > deadline:
            return {event["id"]: event for event in events}
        time.sleep(0.02)


def send(body, exchange=f"{PREFIX}.in", key=KEY, **properties):
    broker.basic_publish(exchange, key, body, pika.BasicProperties(**properties), mandatory=True)


# As it was declared: with another type, or less lasting, the broker would close the channel.
broker.exchange_declare(PREFIX, "topic", durable=True)
broker.exchange_declare(f"{PREFIX}.in", "topic", durable=True)
broker.queue_declare(f"{PREFIX}.in", durable=True, arguments={"x-dead-letter-exchange": f"{PREFIX}.dead"})
broker.queue_declare(
    f"{PREFIX}.in.retry.200",
    durable=True,
    arguments={
        "x-message-ttl": 200,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{PREFIX}.in",
    },
)
broker.queue_purge(f"{PREFIX}.dead")
mine = broker.queue_declare("", exclusive=True).method.queue
broker.queue_bind(mine, PREFIX, KEY)

# In: binary mode, with a time as AMQP has them, then the same again, then structured mode, then no CloudEvent at all.
attributes = {"specversion": "1.0", "id": "binary", "source": "/pika", "type": "reading", "colour": "blue"}
headers = {f"cloudEvents:{name}": value for name, value in attributes.items()}
headers["cloudEvents:time"] = datetime.datetime(2026, 1, 2, 3, 4, 5)
for _ in range(2):
    send(b'{"n":1}', content_type="application/json", headers=headers)
structured = {"specversion": "1.0", "id": "structured", "source": "/pika", "type": "reading", "data": {"n": 2}}
send(json.dumps(structured).encode(), content_type="application/cloudevents+json; charset=utf-8")
send(b"\xff\x00", message_id="plain", type="raw")
# Text that is not what it says is kept as it is, byte for byte.
send(b"gr\xfc\xdfe", message_id="latin", content_type="text/plain; charset=iso-8859-1")
events = read(4)
assert set(events) == {"binary", "structured", "plain", "latin"}, events
assert events["binary"]["time"] == "2026-01-02T03:04:05.000Z", events["binary"]
assert events["binary"]["data"] == {"n": 1} and events["binary"]["colour"] == "blue"
assert events["structured"]["data"] == {"n": 2}
assert events["plain"]["data_base64"] == "/wA=" and events["plain"]["type"] == "raw"
assert events["latin"]["data_base64"] == "Z3L832U="

# Out: the same events, in the order of the log, by the binding, with their cursors.
cursors = []
for _ in events:
    method, properties, body = take(mine)
    event = events[properties.message_id]
    assert method.exchange == PREFIX and method.routing_key == KEY
    assert properties.delivery_mode == 2 and properties.content_type == event["datacontenttype"]
    for name in ("specversion", "id", "source", "type", "time", "subject", "sequence"):
        assert properties.headers[f"cloudEvents:{name}"] == event[name], name
    if "data_base64" in event:
        assert base64.b64encode(body).decode() == event["data_base64"]
    else:
        assert json.loads(body) == event["data"]
    cursors.append(event["sequence"])
assert cursors == sorted(cursors)
assert method.routing_key.count(".") == CHANNEL.count("/"), "A dot inside a segment is no word's end."

# What can never be taken, the headers of which cannot be copied, either.
for name, value in (("plain", "x"), ("huge", "x" * 100_000), ("odd", {"!": "x", "value": 1})):
    send(b"{", content_type="application/json", headers={name: value})
    method, properties, body = take(f"{PREFIX}.dead")
    assert body == b"{" and properties.headers[name] == value and method.routing_key == KEY
    assert ("x-everywire-reason" in properties.headers) == (name == "plain")
# What is far too large is not even copied.
send(b"x" * (9 << 20), content_type="text/plain")
_, properties, body = take(f"{PREFIX}.dead")
assert len(body) == 9 << 20 and "x-everywire-reason" not in properties.headers
# A token that came with the message is nobody's to renew.
send(b"1", content_type="application/json", headers={"authorization": "Bearer bad"})
_, properties, _ = take(f"{PREFIX}.dead")
assert properties.headers["x-everywire-reason"].startswith("unauthenticated"), properties.headers

# Calls, with the broker's own way to answer; one whose answer the broker cannot deliver holds up none.
answers = []
broker.basic_consume(
    "amq.rabbitmq.reply-to", lambda *message: answers.append((message[2], message[3])), auto_ack=True
)
call = {"jsonrpc": "2.0", "id": 1, "method": "channel.publish", "params": {"channel": CHANNEL, "type": "called"}}
send(json.dumps(call).encode(), "", f"{PREFIX}.rpc", reply_to="amq.rabbitmq.reply-to.nobody", correlation_id="1")
for number in ("2", "3"):
    call["params"]["id"] = number
    send(json.dumps(call).encode(), "", f"{PREFIX}.rpc", reply_to="amq.rabbitmq.reply-to", correlation_id=number)
deadline = time.time() + WAIT_SECONDS
while len(answers) < 2 and time.time() < deadline:
    connection.process_data_events(0.05)
told = {properties.correlation_id: json.loads(body)["result"] for properties, body in answers}
assert set(told) == {"2", "3"}, answers
assert all(result["sequence"] == read(0)[number]["sequence"] for number, result in told.items())

connection.close()
print("all of it holds")

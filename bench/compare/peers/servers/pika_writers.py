"""Publishes with confirms to RabbitMQ, for so long, and says how it went as a line of JSON. The client of one subject."""
import json
import sys
import threading
import time

import pika

port, queue, writers, duration_ms, count = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
BODY = json.dumps({"type": "bench", "data": {"text": "x" * 90}}).encode()
PERSISTENT = pika.BasicProperties(content_type="application/json", delivery_mode=2)
ready = threading.Barrier(writers + 1)
latencies = []


def write():
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(port)))
    channel = connection.channel()
    channel.confirm_delivery()
    ready.wait()
    end = time.perf_counter() + duration_ms / 1000
    own = []
    while len(own) < count if count else time.perf_counter() < end:
        started = time.perf_counter()
        channel.basic_publish("", queue, BODY, PERSISTENT, mandatory=True)
        own.append(round((time.perf_counter() - started) * 1000, 3))
    latencies.extend(own)
    connection.close()


threads = [threading.Thread(target=write) for _ in range(writers)]
for thread in threads:
    thread.start()
ready.wait()
started = time.perf_counter()
for thread in threads:
    thread.join()
elapsed_ms = (time.perf_counter() - started) * 1000
print(json.dumps({"operations": len(latencies), "elapsedMs": elapsed_ms, "latenciesMs": latencies}))

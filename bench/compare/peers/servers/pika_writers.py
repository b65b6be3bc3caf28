"""The client of one subject: publishes to RabbitMQ with confirms, as each line of its input says, and answers with one.

A line is {"queue", "writers", "durationMs", "count"}: so many writers, for so long, or so many messages each. Connections are
made once, and kept for the next line.
"""
import json
import queue
import sys
import threading
import time

import pika

PORT = int(sys.argv[1])
BODY = json.dumps({"type": "bench", "data": {"text": "x" * 90}}).encode()
PERSISTENT = pika.BasicProperties(content_type="application/json", delivery_mode=2)


class Writer(threading.Thread):
    """A connection of pika's is for one thread."""

    def __init__(self):
        super().__init__(daemon=True)
        self.tasks = queue.Queue()
        self.is_open = threading.Event()
        self.start()

    def run(self):
        # Without heartbeats: nobody would answer them between two tasks.
        parameters = pika.ConnectionParameters("127.0.0.1", PORT, heartbeat=0)
        channel = pika.BlockingConnection(parameters).channel()
        channel.confirm_delivery()
        self.is_open.set()
        while True:
            task, done = self.tasks.get()
            done.put(self.publish(channel, task))

    def publish(self, channel, task):
        latencies = []
        end = time.perf_counter() + task["durationMs"] / 1000
        while len(latencies) < task["count"] if task["count"] else time.perf_counter() < end:
            started = time.perf_counter()
            channel.basic_publish("", task["queue"], BODY, PERSISTENT, mandatory=True)
            latencies.append(round((time.perf_counter() - started) * 1000, 3))
        return latencies


writers = []
for line in sys.stdin:
    task = json.loads(line)
    while len(writers) < task["writers"]:
        writers.append(Writer())
    chosen = writers[: task["writers"]]
    for writer in chosen:
        writer.is_open.wait()
    done = queue.Queue()
    started = time.perf_counter()
    for writer in chosen:
        writer.tasks.put((task, done))
    latencies = [latency for _ in chosen for latency in done.get()]
    elapsed_ms = (time.perf_counter() - started) * 1000
    answer = {"operations": len(latencies), "elapsedMs": elapsed_ms, "latenciesMs": latencies}
    print(json.dumps(answer), flush=True)

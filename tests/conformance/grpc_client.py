"""Calls the ChannelService in every way that gRPC has, with Python's own library and nothing generated."""

import json
import sys
import threading

import grpc

ADDRESS, CHANNEL = sys.argv[1], sys.argv[2]
SERVICE = "/everywire.v1.ChannelService/"


def field(number, text):
    """A field of type string; one of the messages below has no other."""
    data = text.encode()
    return bytes([(number << 3) | 2, len(data)]) + data


def same(data):
    return data


channel = grpc.insecure_channel(ADDRESS)
kinds = dict(request_serializer=same, response_deserializer=same)
event = field(1, CHANNEL) + field(2, "t")
result = {}


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("It was not refused.")


publish = channel.unary_unary(SERVICE + "Publish", **kinds)
publish(event, timeout=10)
result["unary"] = 1

upload = channel.stream_unary(SERVICE + "PublishStream", **kinds)
result["client_streaming"] = upload(iter([event] * 50), timeout=10)[1]

# `limit` (field 3) ends the stream.
subscribe = channel.unary_stream(SERVICE + "Subscribe", **kinds)
request = field(1, CHANNEL) + field(2, "earliest") + bytes([3 << 3, 51])
result["server_streaming"] = sum(1 for _ in subscribe(request, timeout=10))

chat = channel.stream_stream(SERVICE + "Chat", **kinds)
came_back = threading.Semaphore(0)


def talk():
    for _ in range(10):
        yield event
        # The receipt and the event.
        came_back.acquire()
        came_back.acquire()


count = 0
for _ in chat(talk(), timeout=10):
    count += 1
    came_back.release()
result["bidi"] = count

refused = code_of(lambda: publish(field(1, "rooms/lobby") + field(2, "t"), timeout=10))
result["refused"] = refused.code().name
result["details"] = [name for name, _ in refused.trailing_metadata() if name.startswith("grpc-status")]
result["late"] = code_of(lambda: list(subscribe(field(1, CHANNEL), timeout=0.5))).code().name
unknown = channel.unary_unary("/no.such.Service/Method", **kinds)
result["unknown"] = code_of(lambda: unknown(b"", timeout=10)).code().name
print(json.dumps(result))

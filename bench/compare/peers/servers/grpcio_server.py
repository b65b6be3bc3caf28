"""UserService.GetUser on grpcio, from the descriptors of the same .proto files, with a thread pool as its users have it.

Debian's protoc for Python is older than `optional` in proto3, so the messages are made from the descriptors and not from
generated code; that is the same code beneath.
"""
import pathlib
import sqlite3
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

port, descriptors = sys.argv[1], pathlib.Path(sys.argv[2])
USER = ("usr_0mwqcyxwl25prhassqyvb", "Ada Lovelace", "ada@example.com", 1795262551)
pool = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file:
    pool.Add(file)
messages = message_factory.MessageFactory(pool)
User = messages.GetPrototype(pool.FindMessageTypeByName("everywire.v1.User"))
GetUserRequest = messages.GetPrototype(pool.FindMessageTypeByName("everywire.v1.GetUserRequest"))

local = threading.local()


def database():
    if not hasattr(local, "database"):
        local.database = sqlite3.connect("peer.sqlite", isolation_level=None)
        local.database.execute("PRAGMA journal_mode=WAL")
    return local.database


database().execute(
    "CREATE TABLE IF NOT EXISTS user (id TEXT PRIMARY KEY, name TEXT, email TEXT, seconds INTEGER)"
)
database().execute("INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?)", USER)


def get_user(request, context):
    row = database().execute("SELECT * FROM user WHERE id = ?", (request.id,)).fetchone()
    if row is None:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
    user = User(id=row[0], name=row[1], email=row[2])
    user.created_at.seconds = row[3]
    return user


handler = grpc.unary_unary_rpc_method_handler(
    get_user,
    request_deserializer=GetUserRequest.FromString,
    response_serializer=User.SerializeToString,
)
service = grpc.method_handlers_generic_handler("everywire.v1.UserService", {"GetUser": handler})
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers((service,))
server.add_insecure_port(f"127.0.0.1:{port}")
server.start()
server.wait_for_termination()

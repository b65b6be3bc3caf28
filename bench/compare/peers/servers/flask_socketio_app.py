"""Flask-SocketIO on eventlet: what is posted goes to every socket."""
import sys

import eventlet

eventlet.monkey_patch()

from flask import Flask, jsonify, request  # noqa: E402
from flask_socketio import SocketIO  # noqa: E402

app = Flask(__name__)
socketio = SocketIO(app, async_mode="eventlet", logger=False, engineio_logger=False)


@app.post("/publish")
def publish():
    socketio.emit("event", request.get_json())
    return jsonify(ok=True), 201


if __name__ == "__main__":
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)

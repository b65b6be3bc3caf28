"""REST, WebSockets and server-sent events on FastAPI, under uvicorn."""
import asyncio

from fastapi import FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

import product_store

app = FastAPI()
product_store.create()
sockets = set()
queues = set()


# `async`, since a point read in SQLite is shorter than the way to a thread and back.
@app.get("/products/{product_id}")
async def get_product(product_id: str):
    product = product_store.find(product_id)
    if product is None:
        raise HTTPException(404)
    return product


@app.websocket("/ws")
async def follow(socket: WebSocket):
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


@app.post("/publish/ws", status_code=201)
async def publish_to_sockets(request: Request):
    text = (await request.body()).decode()
    await asyncio.gather(*(socket.send_text(text) for socket in sockets))
    return {"ok": True}


@app.get("/sse")
async def stream():
    queue = asyncio.Queue()
    queues.add(queue)

    async def events():
        try:
            yield b": open\n\n"
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/publish/sse", status_code=201)
async def publish_to_streams(request: Request):
    event = b"data: " + await request.body() + b"\n\n"
    for queue in queues:
        queue.put_nowait(event)
    return Response(b'{"ok":true}', 201, media_type="application/json")

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../../../scripts/paths.ts";
import { findFreePort } from "../../../../scripts/port.ts";
import { EVENT_BODY } from "../../../everywire-client.ts";
import type { RequestParts } from "../../../http-connection.ts";
import { GET_USER_PATH } from "../../grpc-message.ts";
import { fetchText, publishOverHttp } from "../http-publishing.ts";
import type { Doors, Peer, RunningPeer } from "../peer.ts";
import type { Program } from "../server-group.ts";
import { ServerGroup } from "../server-group.ts";
import { BUF, PYTHON, pythonNeed, serverPath } from "./paths.ts";
import { GET_USER, PRODUCT_ID } from "./records.ts";

const HOST = "127.0.0.1";
const JSON_HEADERS = { "content-type": "application/json" };
const MODULES = { PYTHONPATH: serverPath("") };
const FLASK = pythonNeed("flask", "python3-flask");
const GRAPHENE = pythonNeed("graphene", "python3-graphene");
const UVICORN = { file: "/usr/bin/uvicorn", from: "Debian's uvicorn" };
/** As many as this kind of machine has cores, and threads for as many requests as the load has at once. */
const GUNICORN_OPTIONS = "--workers 2 --worker-class gthread --threads 16 --keep-alive 75 --log-level error";

function flaskDoors(url: string): Doors {
  const post = (path: string, body: unknown): RequestParts => ({
    method: "POST",
    url: `${url}${path}`,
    headers: JSON_HEADERS,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return {
    read: { method: "GET", url: `${url}/products/${PRODUCT_ID}` },
    publish: publishOverHttp({
      promise: "on disk (SQLite, WAL, `synchronous=FULL`)",
      load: post("/events/load", EVENT_BODY),
      counted: post("/events/counted", EVENT_BODY),
      count: async () => JSON.parse(await fetchText(`${url}/events/counted/count`)).count as number,
    }),
    jsonRpc: post("/rpc", { jsonrpc: "2.0", id: 1, method: "products.get", params: { id: PRODUCT_ID } }),
    graphql: post("/graphql", { query: `{product(id:"${PRODUCT_ID}"){id name category price stock}}` }),
  };
}

async function startPython(
  directory: string,
  toProgram: (port: number) => Omit<Program, "port" | "environment">,
  toDoors: (url: string) => Doors,
): Promise<RunningPeer> {
  const port = await findFreePort(HOST);
  const program = { ...toProgram(port), port, environment: MODULES };
  const group = await ServerGroup.start([program], directory);
  return Object.assign(group, { doors: toDoors(`http://${HOST}:${port}`) });
}

/** Flask as most people meet it. */
export const flaskDevelopment: Peer = {
  name: "Flask (its own server)",
  setup: "the development server, threaded",
  needs: [FLASK, GRAPHENE],
  start: (directory) =>
    startPython(
      directory,
      (port) => ({ command: PYTHON, arguments: [serverPath("flask_app.py"), String(port)] }),
      (url) => ({ read: flaskDoors(url).read }) as Doors,
    ),
};

export const flaskGunicorn: Peer = {
  name: "Flask on gunicorn",
  setup: "2 workers with 16 threads each; GraphQL by graphene",
  needs: [FLASK, GRAPHENE, { file: "/usr/bin/gunicorn", from: "Debian's gunicorn" }],
  start: (directory) =>
    startPython(
      directory,
      (port) => ({
        command: PYTHON,
        arguments: [
          "/usr/bin/gunicorn",
          "--bind",
          `${HOST}:${port}`,
          ...GUNICORN_OPTIONS.split(" "),
          "flask_app:app",
        ],
      }),
      flaskDoors,
    ),
};

export const fastapi: Peer = {
  name: "FastAPI on uvicorn",
  setup: "1 process, since its sockets have to be in one; Debian has neither uvloop nor httptools for it",
  needs: [pythonNeed("fastapi", "python3-fastapi"), UVICORN],
  start: (directory) =>
    startPython(
      directory,
      (port) => ({
        command: PYTHON,
        arguments: [
          UVICORN.file,
          "--host",
          HOST,
          "--port",
          String(port),
          "--no-access-log",
          "--log-level",
          "error",
          "--ws",
          "websockets",
          "fastapi_app:app",
        ],
      }),
      (url) => ({
        read: { method: "GET", url: `${url}/products/${PRODUCT_ID}` },
        webSockets: { readUrl: `${url}/ws`, publish: postEvent(`${url}/publish/ws`) },
        eventStreams: { readUrl: `${url}/sse`, publish: postEvent(`${url}/publish/sse`) },
      }),
    ),
};

export const flaskSocketIo: Peer = {
  name: "Flask-SocketIO",
  setup: "on eventlet",
  needs: [pythonNeed("flask_socketio", "python3-flask-socketio"), pythonNeed("eventlet", "python3-eventlet")],
  start: (directory) =>
    startPython(
      directory,
      (port) => ({ command: PYTHON, arguments: [serverPath("flask_socketio_app.py"), String(port)] }),
      (url) => ({
        webSockets: {
          readUrl: `${url}/socket.io/?EIO=4&transport=websocket`,
          publish: postEvent(`${url}/publish`),
          greeting: "40",
        },
      }),
    ),
};

export const grpcio: Peer = {
  name: "grpcio",
  setup: "a pool of 16 threads, SQLite",
  needs: [pythonNeed("grpc", "python3-grpcio"), { file: BUF, from: "npm's @bufbuild/buf" }],
  start: async (directory) => {
    const descriptors = join(directory, "protos.binpb");
    await promisify(execFile)(BUF, ["build", "--as-file-descriptor-set", "-o", descriptors], { cwd: ROOT });
    return startPython(
      directory,
      (port) => ({ command: PYTHON, arguments: [serverPath("grpcio_server.py"), String(port), descriptors] }),
      (url) => ({ grpc: { url, path: GET_USER_PATH, message: GET_USER } }),
    );
  },
};

function postEvent(url: string): RequestParts {
  return { method: "POST", url, headers: JSON_HEADERS, body: EVENT_BODY };
}

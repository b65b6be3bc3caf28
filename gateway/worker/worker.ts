import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError } from "../gateway-error.ts";
import type { GatewayLimits } from "../limits.ts";
import type { WorkerHealth } from "./worker-health.ts";

/** workerd closes a connection that was idle for five seconds: it must not be picked up just then. */
const IDLE_MS = 4000;

export interface WorkerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/** The Worker's answer to a request to upgrade. */
export interface UpgradeAnswer {
  readonly response: IncomingMessage;
  /** The connection, and what came on it together with the answer; undefined where the Worker refused. */
  readonly upgraded: { readonly socket: Duplex; readonly head: Uint8Array } | undefined;
}

/** The Worker, over HTTP/1.1: the one thing behind every listener. workerd is full duplex there. */
export class Worker {
  readonly url: URL;
  /** Whether it is reached in clear: on this machine or in this network, and not on Cloudflare's. */
  readonly isNear: boolean;
  readonly #health: WorkerHealth;
  readonly #maxRequests: number;
  readonly #agent: http.Agent;
  #underWay = 0;

  constructor(url: string, limits: GatewayLimits, health: WorkerHealth) {
    this.url = new URL(url);
    this.isNear = this.url.protocol === "http:";
    this.#health = health;
    this.#maxRequests = limits.MAX_UPSTREAM_REQUESTS;
    const { Agent } = this.isNear ? http : https;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: limits.MAX_UPSTREAM_REQUESTS,
      maxFreeSockets: 256,
    });
    this.#agent.on("free", (socket: Socket) => socket.setTimeout(IDLE_MS));
  }

  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Begins a request. Its headers leave at once, since the Worker may answer before the body ends.
   *
   * @throws GatewayError `unavailable` where too much is under way, `invalid_argument` where it cannot be written
   */
  open({ method, path, headers }: WorkerRequest): ClientRequest {
    const release = this.hold();
    let request: ClientRequest;
    try {
      request = this.#module.request({
        agent: headers.upgrade === undefined ? this.#agent : false,
        host: this.url.hostname.replace(/^\[|\]$/g, ""),
        port: this.url.port || (this.isNear ? 80 : 443),
        servername: this.url.hostname,
        method,
        path,
        headers: { ...headers, host: this.url.host },
      });
    } catch (thrown) {
      release();
      // HTTP/2 and HTTP/3 can carry what HTTP/1.1 cannot; a line break would be a field, or a request, more.
      throw new GatewayError("invalid_argument", "The request has characters where none may be.", {
        cause: thrown,
      });
    }
    request.once("close", release);
    request.on("socket", onSocket);
    request.on("error", (error) => this.#health.onFailure(error));
    request.once("response", () => this.#health.onAnswer());
    request.once("upgrade", () => this.#health.onAnswer());
    return request;
  }

  /**
   * Takes one place of those that there are, and gives what to call, once or again, when it is free.
   *
   * @throws GatewayError `unavailable` where too much is under way
   */
  hold(): () => void {
    if (this.#underWay >= this.#maxRequests) {
      throw new GatewayError("unavailable", "The gateway has too many requests under way.");
    }
    this.#underWay += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#underWay -= 1;
      isHeld = false;
    };
  }

  /** Opens a WebSocket, or whatever else the headers ask to change to. @throws GatewayError */
  upgrade(request: WorkerRequest): Promise<UpgradeAnswer> {
    const opened = this.open(request);
    return new Promise((resolve, reject) => {
      opened.once("upgrade", (response, socket, head) => {
        if (socket instanceof Object && "setNoDelay" in socket) (socket as Socket).setNoDelay(true);
        resolve({ response, upgraded: { socket, head } });
      });
      opened.once("response", (response) => resolve({ response, upgraded: undefined }));
      opened.once("error", (error) => reject(toGatewayError(error)));
      opened.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  get #module() {
    return this.isNear ? http : https;
  }
}

/** What a fault on the way to the Worker is for the client. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EHOSTUNREACH" || code === "ETIMEDOUT") {
    return new GatewayError("unavailable", "The server is not reachable. Try again.", { cause: thrown });
  }
  return new GatewayError("unavailable", "The server ended the connection before its answer was whole.", {
    status: 502,
    cause: thrown,
  });
}

/** Leaves so that the Worker notices: of an orderly close it would learn only by writing. */
export function abandon(request: ClientRequest): void {
  if (request.destroyed) return;
  const { socket } = request;
  // A connection over TLS cannot be reset from here.
  if (socket !== null && !("encrypted" in socket)) socket.resetAndDestroy();
  request.destroy();
}

const known = new WeakSet<Socket>();

function onSocket(socket: Socket): void {
  socket.setTimeout(0);
  if (known.has(socket)) return;
  known.add(socket);
  socket.setNoDelay(true);
  // Sockets that wait in the pool have no listener of their own under Deno, and their errors would end the process.
  socket.on("error", () => {});
  socket.on("timeout", () => socket.destroy());
}

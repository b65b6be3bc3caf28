/** RFC 6455 §7.4.2, registered as "Service Restart": come back, and go on from your cursor. */
const SERVICE_RESTART = 1012;
const REASON = "The server restarts: go on from your last cursor.";
/** Objects that are told at once; each may have to be woken for it. */
const DRAIN_CONCURRENCY = 32;
/** For what a door has still to say on a connection when its feed was cut. */
const FAREWELL_MS = 200;

/** A long poll of an object. */
type Wait = (this: DurableObjectShape, request: { readonly timeoutMs: number }) => Promise<unknown>;

/** What a Durable Object has of these, seen from within. */
interface DurableObjectShape {
  readonly ctx: DurableObjectState;
  readonly env: Readonly<Record<string, DurableObjectNamespace>>;
  fetch?(request: Request): Response | Promise<Response>;
  webSocketClose?(socket: WebSocket, code: number, reason: string, wasClean: boolean): void | Promise<void>;
  webSocketError?(socket: WebSocket, error: unknown): void | Promise<void>;
  wait?: Wait;
  waitText?: Wait;
  /** How many readers it writes a response to. */
  readonly heldStreams?: number;
  /** What it calls when there are none any more. */
  onNoStreams?(): void;
  /** Ends those responses with a last word. */
  closeStreams?(message: string): void;
  drain?(): void;
}

/**
 * How to reach each object that holds somebody: a WebSocket, a stream, or a long poll. Workerd has one isolate for a Worker and its
 * objects, and keeps it as long as it runs: so this outlives the hibernation of an object.
 */
const holders = new Map<string, () => { drain(): Promise<void> }>();
const waits = new WeakMap<object, Set<() => void>>();
const drained = Promise.withResolvers<void>();
let isDraining = false;

/**
 * Lets the objects of a class be told that the process is about to end: each then closes its sockets with a reason, ends
 * its streams with a last word, and answers its long polls with what is there. The functions that stream from an object have such a socket for their feed, so they tell
 * their readers in turn, each in the manner of its wire.
 *
 * @param prototype the class's own; it is changed
 * @param binding the name of its namespace in `env`
 */
export function makeDrainable(prototype: object, binding: string): void {
  const shape = prototype as DurableObjectShape;
  const { fetch, webSocketClose, webSocketError } = shape;
  const hold = (object: DurableObjectShape) => {
    const { id } = object.ctx;
    const namespace = object.env[binding];
    if (namespace === undefined) throw new Error(`There is no binding ${binding}.`);
    holders.set(id.toString(), () => namespace.get(id) as unknown as { drain(): Promise<void> });
  };
  const release = (object: DurableObjectShape, closing?: WebSocket) => {
    const isHeld = object.ctx.getWebSockets().some((socket) => socket !== closing);
    if (!isHeld && !object.heldStreams && !waits.get(object)?.size) holders.delete(object.ctx.id.toString());
  };

  if (fetch !== undefined) {
    shape.fetch = async function (this: DurableObjectShape, request) {
      // Or a reader that is put back to reading pages would be let in again at once.
      if (isDraining) return Response.json({ code: "unavailable", message: REASON }, { status: 503 });
      const response = await fetch.call(this, request);
      // A socket that cannot hibernate is told of by what is sent on it, and its end is told to nobody here.
      if (response.status === 101 && this.ctx.getWebSockets().length > 0) hold(this);
      if (this.heldStreams) hold(this);
      return response;
    };
  }
  if (webSocketClose !== undefined) {
    shape.webSocketClose = function (this: DurableObjectShape, socket, ...how) {
      release(this, socket);
      return webSocketClose.call(this, socket, ...how);
    };
  }
  if (webSocketError !== undefined) {
    shape.webSocketError = function (this: DurableObjectShape, socket, error) {
      release(this, socket);
      return webSocketError.call(this, socket, error);
    };
  }
  shape.onNoStreams = function (this: DurableObjectShape) {
    release(this);
  };
  for (const name of ["wait", "waitText"] as const) {
    const wait = shape[name];
    if (wait === undefined) continue;
    shape[name] = async function (request) {
      const ended = Promise.withResolvers<void>();
      const mine = waits.get(this) ?? new Set();
      waits.set(this, mine.add(ended.resolve));
      hold(this);
      try {
        return await Promise.race([
          wait.call(this, request),
          ended.promise.then(() => wait.call(this, { ...request, timeoutMs: 0 })),
        ]);
      } finally {
        mine.delete(ended.resolve);
        release(this);
      }
    };
  }
  shape.drain = function (this: DurableObjectShape) {
    for (const end of waits.get(this) ?? []) end();
    for (const socket of this.ctx.getWebSockets()) socket.close(SERVICE_RESTART, REASON);
    this.closeStreams?.(REASON);
  };
}

/** Closes a TCP connection when the process is about to end, and its door has said why. */
export function closeWhenDraining(socket: Socket): void {
  drained.promise
    .then(() => scheduler.wait(FAREWELL_MS))
    .then(() => socket.close())
    .catch(() => {
      // Its other end was first.
    });
}

/** Tells every object that holds somebody. Gives how many were told. */
export async function drain(): Promise<number> {
  isDraining = true;
  const waiting = Array.from(holders.values());
  const count = waiting.length;
  await Promise.all(
    Array.from({ length: DRAIN_CONCURRENCY }, async () => {
      for (let reach = waiting.pop(); reach !== undefined; reach = waiting.pop()) {
        // One that fails has nobody left to be told.
        await reach()
          .drain()
          .catch((error: unknown) => console.error("An object was not told of the end:", error));
      }
    }),
  );
  drained.resolve();
  return count;
}

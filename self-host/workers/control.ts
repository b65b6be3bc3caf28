import { WorkerEntrypoint } from "cloudflare:workers";
import { closeWhenDraining, drain, makeDrainable } from "./drain.ts";

interface Classes {
  readonly [name: string]: unknown;
}

/**
 * What only whoever runs this process may ask, on a socket of its own (`control.sock`): `POST /drain`, and
 * `POST /scheduled?cron=`, since workerd has no clock that would call `scheduled`.
 *
 * @param worker the Worker's default export
 */
export function createControl(worker: ExportedHandler) {
  return class Control extends WorkerEntrypoint {
    override async fetch(request: Request): Promise<Response> {
      const { pathname, searchParams } = new URL(request.url);
      if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
      if (pathname === "/drain") {
        const { readable, writable } = new IdentityTransformStream();
        this.ctx.waitUntil(drainAfter(request, writable));
        // At once, so that whoever asks knows that this request is being served before it lets the process end.
        return new Response(readable, { headers: { "content-type": "application/json" } });
      }
      if (pathname === "/scheduled") {
        const controller = {
          cron: searchParams.get("cron") ?? "",
          scheduledTime: Date.now(),
          noRetry: () => {},
        };
        await worker.scheduled?.(controller as ScheduledController, this.env, this.ctx);
        return Response.json({ status: "ok" });
      }
      return new Response(null, { status: 404 });
    }
  };
}

/** The end of the question is the word to begin: by then workerd takes no new connections. */
async function drainAfter(request: Request, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  // Headers go out with the first bytes of the body.
  await writer.write(new TextEncoder().encode("\n"));
  await request.arrayBuffer();
  await writer.write(new TextEncoder().encode(JSON.stringify({ drained: await drain() })));
  await writer.close();
}

/**
 * The Worker as it is served here: its TCP connections are closed when the process ends.
 *
 * @param classes what the Worker exports
 * @param bindings the class behind each namespace in `env`
 */
export function toServed(
  worker: ExportedHandler,
  classes: Classes,
  bindings: Readonly<Record<string, string>>,
): ExportedHandler {
  for (const [binding, className] of Object.entries(bindings)) {
    const class_ = classes[className];
    if (typeof class_ !== "function") throw new Error(`The Worker exports no class ${className}.`);
    makeDrainable(class_.prototype, binding);
  }
  const { connect } = worker;
  if (connect === undefined) return worker;
  return {
    ...worker,
    connect: (socket, env, context) => {
      closeWhenDraining(socket);
      return connect(socket, env, context);
    },
  };
}

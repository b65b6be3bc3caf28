import { connect } from "../../typescript/connect.ts";
import type { TransportName } from "../../typescript/transport.ts";
import { unreachable } from "../http.ts";
import type { ReadDoor } from "./door.ts";

/**
 * The TypeScript client as a door: it reconnects and resumes by itself. With one wire it stays on that; with several it
 * climbs down the ladder where a proxy is in the way.
 */
export function createClientDoor(transports: readonly TransportName[]): ReadDoor {
  return async function* (target, { channel, after, signal, onLive, onNote }) {
    const client = connect(target.url, {
      transports,
      ...(target.token === undefined ? {} : { token: target.token }),
    });
    const subscription = client.subscribe(channel, { after, signal });
    const given = Promise.withResolvers<never>();
    given.promise.catch(() => {});
    let isLive = false;
    let lastError: unknown;
    subscription.on("state", (state) => {
      if (state === "live") {
        if (isLive) onNote?.(`goes on over ${subscription.transport}`);
        isLive = true;
        const { cursor } = subscription;
        onLive(cursor === "latest" || cursor === "earliest" ? undefined : cursor);
      } else if (state === "offline" && !isLive) {
        // It would try for ever. Where nothing has answered yet, the address is probably wrong, and whoever asked waits.
        given.reject(unreachable(target, lastError));
      } else if (isLive && (state === "reconnecting" || state === "offline")) onNote?.(state);
    });
    subscription.on("error", (error) => {
      lastError = error.cause ?? error;
    });
    if (transports.length > 1) subscription.on("transport", (name) => onNote?.(`reads over ${name}`));
    const events = subscription[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await Promise.race([events.next(), given.promise]);
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      client.close();
    }
  };
}

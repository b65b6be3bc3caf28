import type { Credentials } from "../credentials.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import type { WebTransportSettings } from "../options.ts";
import type { TransportConnection, TransportSink } from "../transport.ts";
import type { SessionStats } from "../types.ts";
import { fromBase64 } from "./base64.ts";
import type { MessageFormat } from "./format.ts";
import { jsonFormat } from "./json-format.ts";
import type { WebTransportConstructor, WebTransportLike } from "./native.ts";
import { Session } from "./session.ts";

export interface PoolOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly settings: WebTransportSettings;
  readonly native: WebTransportConstructor;
}

/** What the gateway takes for one session, unless its operator says otherwise. */
const MAX_SUBSCRIPTIONS = 64;
/** A session that nothing uses is kept for a while: a connection that comes back finds it open. */
const IDLE_MS = 10_000;

/** Sessions to one gateway, shared by the subscriptions of a client. A session follows a channel once. */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #sessions = new Set<Session>();
  #opening: Promise<Session> | undefined;
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get stats(): readonly SessionStats[] {
    return [...this.#sessions].filter(({ isOver }) => !isOver).map(({ stats }) => stats);
  }

  /** Follows a channel on a session that has room for it, or on a new one. */
  open(channel: string, after: string, sink: TransportSink): TransportConnection {
    let end: (() => void) | undefined;
    let session: Session | undefined;
    let isOver = false;
    const use = (found: Session) => {
      session = found;
      if (!isOver) end = found.follow(channel, after, sink);
    };
    this.#find(channel, use).catch((thrown) => {
      if (!isOver) sink.onEnd(toLost(thrown));
    });
    return {
      publish: async (event) => {
        if (session === undefined) throw toLost(undefined);
        return session.publish(channel, event);
      },
      ping: () => {
        // Any answer is a sign of life, also one that refuses.
        session?.ask({ op: "ping" }).then(
          () => sink.onBytes(0),
          (error: EverywireError) => {
            if (error.isTold) sink.onBytes(0);
          },
        );
      },
      close: () => {
        isOver = true;
        end?.();
        this.#sweepLater();
      },
    };
  }

  /** Sends a value by datagram; false where no session is open, or it is too large. */
  sendLatest(channel: string, event: NewEvent): boolean {
    const session = [...this.#sessions].find(({ isUsable }) => isUsable);
    return session?.sendDatagram({ ...event, op: "publish", channel }) === true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sweep);
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
  }

  /** Gives a session that is free for a channel, to be used in the same turn: another may look for one in the next. */
  async #find(channel: string, use: (session: Session) => void): Promise<void> {
    for (;;) {
      const token = await this.#options.credentials.get();
      for (const session of this.#sessions) if (session.isOver) this.#sessions.delete(session);
      const free = [...this.#sessions].find(
        (session) =>
          session.isUsable && session.subscriptions < MAX_SUBSCRIPTIONS && !session.follows(channel),
      );
      if (free === undefined) {
        // One at a time: those who wait for it may all find room on it.
        this.#opening ??= this.#open(token).finally(() => {
          this.#opening = undefined;
        });
        await this.#opening;
        continue;
      }
      if (free.token === token || token === undefined) {
        use(free);
        return;
      }
      try {
        await free.ask({ op: "hello", token });
        free.token = token;
      } catch {
        // One whose token has ended already cannot say who it is now; what follows on it still, ends by itself.
        free.retire();
      }
    }
  }

  async #open(token: string | undefined): Promise<Session> {
    const native = this.#connect(token);
    try {
      const formats = await this.#loadFormats();
      const choose = (name: string | undefined) =>
        formats.find(({ subprotocol }) => subprotocol === name) ?? jsonFormat;
      const session = await Session.open(native, choose, token);
      if (this.#isClosed) session.close();
      this.#sessions.add(session);
      return session;
    } catch (thrown) {
      native.close();
      throw thrown;
    }
  }

  #connect(token: string | undefined): WebTransportLike {
    const { url, settings, native: Native } = this.#options;
    const target = new URL(url);
    if (token !== undefined) target.searchParams.set("access_token", token);
    const hashes = settings.serverCertificateHashes?.map((hash) => ({
      algorithm: "sha-256" as const,
      value: fromBase64(hash),
    }));
    const { format = "json" } = settings;
    const canNegotiate = "protocol" in Native.prototype;
    return new Native(target.href, {
      ...(hashes === undefined ? {} : { serverCertificateHashes: hashes }),
      ...(format !== "json" && canNegotiate ? { protocols: [`everywire.${format}`, "everywire.json"] } : {}),
    });
  }

  async #loadFormats(): Promise<readonly MessageFormat[]> {
    switch (this.#options.settings.format) {
      case "msgpack":
        return [(await import("./msgpack-format.ts")).msgpackFormat];
      case "protobuf":
        return [(await import("./protobuf-format.ts")).protobufFormat];
      default:
        return [];
    }
  }

  #sweepLater(): void {
    clearTimeout(this.#sweep);
    if (this.#isClosed) return;
    this.#sweep = setTimeout(() => {
      for (const session of this.#sessions) {
        if (session.subscriptions > 0) continue;
        session.close();
        this.#sessions.delete(session);
      }
    }, IDLE_MS);
  }
}

function toLost(thrown: unknown): EverywireError {
  if (thrown instanceof EverywireError) return thrown;
  return new EverywireError("unavailable", "No session could be opened.", { cause: thrown });
}

import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { Result } from "../core/result.ts";
import { attempt, attemptAsync } from "../core/result.ts";
import type { RelayReferral } from "../wire/relay-text.ts";
import type { ChannelRelays } from "./channel-relays.ts";
import type { SocketCommands } from "./channel-socket-commands.ts";
import type { LogState, Start } from "./channel-state.ts";
import { cursorAt } from "./channel-state.ts";
import type { RelayedAnswer, RelayedFrame, RelayReport, RelayStart } from "./relay-object.ts";
import { RelayedPort } from "./relayed-port.ts";

/** What relays ask for, and the channel has. */
export interface RelayDeskHost {
  readonly log: { readonly state: LogState };
  readonly relays: ChannelRelays;
  readonly commands: SocketCommands;
  resolveStart(after: After): Start;
}

/** Serves a channel's relays: lets their readers in, and does what their clients ask. */
export class RelayDesk {
  readonly #host: RelayDeskHost;

  constructor(host: RelayDeskHost) {
    this.#host = host;
  }

  /** Says where a new reader of a relay starts, and from then on tells the relay of what comes; or which relay has room. */
  async open(relay: number, after: After, report: RelayReport): Promise<Result<RelayStart | RelayReferral>> {
    const { log, relays } = this.#host;
    const start = attempt(() => this.#host.resolveStart(after));
    if (!start.ok) return start;
    const { number, gap } = start.value;
    const from = cursorAt(log.state, number);
    return attemptAsync(async () => {
      const place = await relays.join(relay, report);
      if (place === undefined) return { relay: relays.choose(Number.POSITIVE_INFINITY) ?? relay };
      // What it was not told yet came before this reader, who is not to see it.
      if (await relays.flush(relay)) return { from, gap, place };
      throw new EverywireError("unavailable", "The channel's relay cannot be reached now: try again.");
    });
  }

  /** Does what clients of a relay sent. Gives what each is answered, in order. */
  async answer(relay: number, frames: readonly RelayedFrame[]): Promise<readonly RelayedAnswer[]> {
    const { relays, commands } = this.#host;
    // Nothing else that a client asks has to wait for who is there.
    if (frames.some(({ message }) => typeof message === "string" && message.includes('"who"')))
      await relays.sync();
    const ports = frames.map(({ connection, attachment, message }) => {
      const port = new RelayedPort(relay, connection);
      void commands.onClientMessage(port, attachment, message);
      return port;
    });
    // Nothing else is to come that they could wait for.
    commands.flush();
    // Who publishes sees its own event before its ack, here as there.
    await relays.flush(relay);
    return ports.flatMap(({ connection, answers }) => answers.map((text) => ({ connection, text })));
  }
}

import type { SocketPort } from "./channel-sockets.ts";

/** A connection that a relay has, while the channel answers what came on it. */
export class RelayedPort implements SocketPort {
  readonly relay: number;
  readonly connection: number;
  readonly answers: string[] = [];

  constructor(relay: number, connection: number) {
    this.relay = relay;
    this.connection = connection;
  }

  send(text: string): void {
    this.answers.push(text);
  }
}

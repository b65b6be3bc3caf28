import { findFreePort } from "../../../scripts/port.ts";
import { RunningClient } from "./running-client.ts";
import type { ExperienceServer } from "./server.ts";
import type { Subject } from "./subjects.ts";

/** What a client is put behind: a relay or a proxy. */
export interface Between {
  readonly port: number;
  stop(): void;
}

/** A client that reaches the server, or is reached by it, through something in between. */
export interface Placed<T extends Between> {
  readonly client: RunningClient;
  readonly between: T;
  stop(): void;
}

/** Starts a client of a channel with something in between. A receiver of webhooks has it on its own side. */
export async function placeClient<T extends Between>(
  subject: Subject,
  server: ExperienceServer,
  channel: string,
  { create, oneConnection }: { create(targetPort: number): Promise<T>; readonly oneConnection: boolean },
): Promise<Placed<T>> {
  const address = new URL(subject.address(server));
  const isReceiver = subject.carrier === "receiver";
  const targetPort = isReceiver ? await findFreePort("127.0.0.1") : Number(address.port);
  const between = await create(targetPort);
  if (!isReceiver) address.port = String(between.port);
  const environment = {
    ...(oneConnection ? { ONE_CONNECTION: "1" } : {}),
    EVERYWIRE_TOKEN: server.token,
    ...(isReceiver
      ? { RECEIVER_PORT: String(targetPort), RECEIVER_URL: `http://127.0.0.1:${between.port}` }
      : {}),
  };
  const client = new RunningClient(subject.file, address.href.replace(/\/$/, ""), channel, {
    environment,
    ...(subject.runtime === undefined ? {} : { runtime: subject.runtime }),
  });
  return {
    client,
    between,
    stop() {
      client.stop();
      between.stop();
    },
  };
}

import { GatewayError } from "../gateway-error.ts";
import type { GatewayLimits } from "../limits.ts";
import type { Caller } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";
import type { Answer } from "./answer.ts";
import { fitAnswer } from "./answer.ts";
import type { Request } from "./decode.ts";
import { decodeDatagram } from "./decode.ts";
import { Lease, Refusal } from "./lease.ts";
import { Proofs } from "./proof.ts";
import { Publishers } from "./publishers.ts";
import { SourceRate } from "./source-rate.ts";

/** What IPv4 lets a datagram carry. */
const MAX_DATAGRAM_BYTES = 65_507;
/** What passes unbroken everywhere: a reader cannot ask for less. */
const MIN_READER_BYTES = 1200;
const CURSOR = /^[0-9A-Za-z_-]{1,64}$/;

/** Where a datagram came from, and where its answers go. */
export interface Peer {
  readonly hostname: string;
  readonly port: number;
}

export interface UdpDoorOptions {
  readonly worker: Worker;
  readonly limits: GatewayLimits;
  readonly send: (bytes: Uint8Array, peer: Peer) => Promise<void>;
}

/** One datagram, and how it may be answered. */
interface Asked {
  readonly peer: Peer;
  readonly address: string;
  readonly isProved: boolean;
  readonly reply: (answer: Answer) => void;
}

/** JSON datagrams, as the lines of the TCP door (gateway/udp/README.md). */
export class UdpDoor {
  readonly #options: UdpDoorOptions;
  readonly #proofs = new Proofs();
  readonly #rate: SourceRate;
  readonly #publishers: Publishers;
  /** By address and channel; undefined while one begins. */
  readonly #leases = new Map<string, Lease | undefined>();
  /** How many leases each host has. */
  readonly #leasesOf = new Map<string, number>();

  constructor(options: UdpDoorOptions) {
    this.#options = options;
    this.#rate = new SourceRate(options.limits.UDP_DATAGRAMS_PER_SECOND);
    this.#publishers = new Publishers(options.worker, options.limits.MAX_UDP_PUBLISHERS);
  }

  get leases(): number {
    return this.#leases.size;
  }

  onDatagram(bytes: Uint8Array, peer: Peer): void {
    const address = `${peer.hostname} ${peer.port}`;
    const request = decodeDatagram(bytes);
    if (request === undefined) return;
    const isProved = "op" in request && this.#proofs.isGood(address, request.proof);
    // Who is proved has its own count: others could use up one that goes by an address that anybody can write.
    if (!this.#rate.take(isProved ? address : peer.hostname, Date.now())) return;
    const maxBytes = isProved ? MAX_DATAGRAM_BYTES : bytes.byteLength;
    const { ref } = request;
    const reply = (answer: Answer) => this.#send(fitAnswer({ ...answer, ref }, maxBytes), peer);
    if ("error" in request) reply(toError(request.error));
    else
      this.#run(request, { peer, address, isProved, reply }).catch((thrown: unknown) =>
        reply(toError(thrown)),
      );
  }

  close(): void {
    for (const lease of this.#leases.values()) lease?.end();
    this.#publishers.close();
  }

  async #run(request: Request, asked: Asked): Promise<void> {
    if (request.op === "ping") return asked.reply({ op: "pong" });
    const caller = toCaller(request, asked.peer);
    if (request.op === "publish") return this.#publish(request, caller, asked);
    if (!asked.isProved) return this.#challenge(asked);
    const channel = request.fields.channel;
    if (typeof channel !== "string")
      throw new GatewayError("invalid_argument", "'channel' is the name of a channel.");
    if (request.op === "subscribe") return this.#subscribe(request, channel, caller, asked);
    const key = `${asked.address} ${channel}`;
    const lease = this.#leases.get(key);
    if (lease === undefined) throw new GatewayError("not_found", "You have no lease on that channel.");
    if (request.op === "unsubscribe") {
      lease.end();
      return asked.reply({ op: "unsubscribed", channel });
    }
    const { after, until } = request.fields;
    assertCursor(after, "'after' is the cursor of the last event that you have.");
    if (until === undefined) return lease.resend(after);
    assertCursor(until, "'until' is the cursor of the last event that you miss.");
    await lease.fill(after, until);
  }

  #challenge({ address, reply }: Asked): void {
    reply({ op: "challenge", proof: this.#proofs.issue(address) });
  }

  async #publish({ fields }: Request, caller: Caller, asked: Asked): Promise<void> {
    // With many who publish, one more that may be nobody has to show that it is there: each costs a connection.
    if (!asked.isProved && this.#publishers.isStrange(caller)) return this.#challenge(asked);
    try {
      asked.reply(await this.#publishers.get(caller).ask({ ...fields, op: "publish" }));
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === "unauthenticated")
        this.#publishers.forget(caller);
      throw thrown;
    }
  }

  async #subscribe({ fields }: Request, channel: string, caller: Caller, asked: Asked): Promise<void> {
    const key = `${asked.address} ${channel}`;
    const after = fields.after === undefined || fields.after === null ? undefined : String(fields.after);
    const known = this.#leases.get(key);
    // It has not begun yet: the answer to the first datagram is this one's too.
    if (known === undefined && this.#leases.has(key)) return;
    if (known !== undefined && known.caller.token === caller.token && known.after === after) {
      known.renew();
      return this.#tellSubscribed(known, asked);
    }
    known?.end();
    const lease = this.#createLease(key, { fields, channel, caller, after }, asked);
    try {
      await lease.start();
    } catch (thrown) {
      lease.end();
      if (thrown instanceof Refusal) return asked.reply(thrown.line);
      throw thrown;
    }
    if (!this.#leases.has(key)) return;
    this.#leases.set(key, lease);
    this.#tellSubscribed(lease, asked);
  }

  #tellSubscribed(lease: Lease, { reply, address }: Asked): void {
    // A proof for the next renewal: who receives it is still there.
    reply({ op: "subscribed", ...lease.describe(), proof: this.#proofs.issue(address) });
  }

  /** @throws GatewayError where there are too many */
  #createLease(
    key: string,
    wanted: Pick<Request, "fields"> & { channel: string; caller: Caller; after: string | undefined },
    { peer }: Asked,
  ): Lease {
    const { worker, limits } = this.#options;
    const { fields, channel, caller, after } = wanted;
    const maxBytes = toMaxBytes(fields.maxBytes);
    const count = this.#leasesOf.get(peer.hostname) ?? 0;
    if (this.#leases.size >= limits.MAX_UDP_LEASES || count >= limits.MAX_UDP_HOST_LEASES) {
      throw new GatewayError("rate_limited", "There are too many leases. Let some of them end.");
    }
    this.#leases.set(key, undefined);
    this.#leasesOf.set(peer.hostname, count + 1);
    return new Lease({
      worker,
      caller,
      channel,
      after,
      maxBytes,
      seconds: limits.UDP_LEASE_SECONDS,
      send: (bytes) => this.#options.send(bytes, peer),
      tell: (answer) => this.#send(fitAnswer(answer, MAX_DATAGRAM_BYTES), peer),
      onEnd: () => {
        this.#leases.delete(key);
        const left = (this.#leasesOf.get(peer.hostname) ?? 1) - 1;
        if (left > 0) this.#leasesOf.set(peer.hostname, left);
        else this.#leasesOf.delete(peer.hostname);
      },
    });
  }

  #send(bytes: Uint8Array | undefined, peer: Peer): void {
    if (bytes !== undefined) void this.#options.send(bytes, peer);
  }
}

/** @throws GatewayError */
function assertCursor(value: unknown, message: string): asserts value is string {
  if (typeof value !== "string" || !CURSOR.test(value)) throw new GatewayError("invalid_argument", message);
}

/** @throws GatewayError */
function toMaxBytes(value: unknown): number {
  if (value === undefined) return MAX_DATAGRAM_BYTES;
  if (Number.isInteger(value) && Number(value) >= MIN_READER_BYTES) {
    return Math.min(Number(value), MAX_DATAGRAM_BYTES);
  }
  throw new GatewayError("invalid_argument", `'maxBytes' is a whole number from ${MIN_READER_BYTES}.`);
}

function toCaller({ token }: Request, { hostname, port }: Peer): Caller {
  const authority = `${hostname}:${port}`;
  return { token, origin: { remoteAddress: hostname, authority, scheme: "http", version: "UDP" } };
}

function toError(thrown: unknown): Answer {
  const { code, message } = GatewayError.from(thrown);
  return { op: "error", code, message };
}

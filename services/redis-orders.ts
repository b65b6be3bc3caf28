import type { Order } from "../core/entities/order.ts";
import type { Product } from "../core/entities/product.ts";
import { EverywireError } from "../core/error.ts";
import type { Limits } from "../core/limits.ts";
import { fulfilOrder } from "../core/operations/fulfil-order.ts";
import { keyReused } from "../core/record-rules.ts";
import type { Inserted, PlaceOrderRequest } from "../core/records.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";
import { LUA_KEYS } from "./redis-lua.ts";
import { LUA_TURNS } from "./redis-turns.ts";
import type { RedisWriter } from "./redis-write.ts";
import { insertStep, updateStep } from "./redis-write.ts";

/** ARGV: an idempotency key or "", product ids. Gives the claim, and version and body of each product. */
const LOOK_SCRIPT = `${LUA_KEYS}
local answer = {ARGV[1] ~= '' and call('GET', P .. ':i:' .. ARGV[1])}
for n = 2, #ARGV do
  local row = call('HMGET', recordKey('products', ARGV[n]), 'v', 'b')
  answer[#answer + 1] = row[1] or ''
  answer[#answer + 1] = row[2] or ''
end
return answer
`;

/** ARGV: an order, how long a turn is, product ids. For an order that gives up. */
const LEAVE_SCRIPT = `${LUA_KEYS}${LUA_TURNS}
local turn = {id = ARGV[1], leaseMs = ARGV[2], products = {}}
for n = 3, #ARGV do turn.products[n - 2] = ARGV[n] end
leaveTurns(turn)
return 0
`;

/** How long the head of a queue may take; longer than any pause between two tries. */
const TURN_MS = 2000;
const MAX_PAUSE_MS = 1500;
/** How long an order waits for those before it in its isolate. */
const MAX_LOCAL_WAIT_MS = 10_000;
/** After this, whoever waits is told to come back. */
const DEADLINE_MS = 15_000;

interface Found {
  readonly version: number;
  readonly product: Product;
}

type Products = ReadonlyMap<string, Found>;

interface Placed {
  readonly stored: Inserted<Order>;
  /** What the products are after it. */
  readonly found: Products;
}

/**
 * Orders: the rule is `fulfilOrder` in core, so it runs here, on products that were read a moment ago, and the script
 * that writes makes sure that they are still the same. See redis-turns.ts for who goes first.
 */
export class RedisOrders {
  readonly #writer: RedisWriter;
  readonly #limits: Limits;
  readonly #look: (...args: readonly string[]) => Promise<Reply>;
  readonly #leave: (...args: readonly string[]) => Promise<Reply>;
  readonly #local = new LocalTurns();

  constructor(redis: RedisClient, writer: RedisWriter, limits: Limits) {
    this.#writer = writer;
    this.#limits = limits;
    this.#look = redis.script(LOOK_SCRIPT);
    this.#leave = redis.script(LEAVE_SCRIPT);
  }

  /** @throws EverywireError as `Records.placeOrder`, and `unavailable` where others were first for too long */
  async place(request: PlaceOrderRequest): Promise<Inserted<Order>> {
    const ids = [...new Set(request.items.map(({ productId }) => productId))].sort();
    const [claim, ...rows] = toList(await this.#look(request.idempotency?.key ?? "", ...ids));
    if (typeof claim === "string") return replay(claim, request);
    const first = await this.#try(request, ids, toFound(ids, rows), {
      joins: false,
      hasJoined: false,
    });
    if ("stored" in first) return first.stored;
    const { before, leave } = await this.#local.enter(ids[0] ?? "");
    let latest: Products = before ?? first.lost;
    try {
      const { stored, found } = await this.#takeTurn(request, ids, merge(ids, first.lost, latest), (seen) => {
        latest = seen;
      });
      latest = found;
      return stored;
    } finally {
      leave(latest);
    }
  }

  /** Tries until it succeeds or cannot; `onSeen` is told what the products were seen to be. */
  async #takeTurn(
    request: PlaceOrderRequest,
    ids: readonly string[],
    known: Products,
    onSeen: (found: Products) => void,
  ): Promise<Placed> {
    let found = known;
    let hasJoined = false;
    const startedMs = Date.now();
    for (;;) {
      const triedMs = Date.now();
      const outcome = await this.#try(request, ids, found, { joins: true, hasJoined });
      if ("stored" in outcome) return outcome;
      hasJoined = true;
      found = outcome.lost;
      onSeen(found);
      const nowMs = Date.now();
      if (nowMs - startedMs > DEADLINE_MS) {
        await this.#leave(request.orderId, String(TURN_MS), ...ids);
        throw new EverywireError("unavailable", "Many are ordering this at once; try again.", {
          retryAfterMs: 1000,
        });
      }
      await pause(outcome.place, nowMs - triedMs);
    }
  }

  async #try(
    request: PlaceOrderRequest,
    ids: readonly string[],
    found: Products,
    { joins, hasJoined }: { readonly joins: boolean; readonly hasJoined: boolean },
  ): Promise<Placed | { readonly lost: Products; readonly place: number }> {
    const products = new Map(Array.from(found, ([id, { product }]) => [id, product]));
    const { order, products: changed, events, jobs } = await this.#decide(request, ids, products, hasJoined);
    const updates = changed.map((product) =>
      updateStep("products", product, found.get(product.id)?.version ?? 0),
    );
    const { status, rest } = await this.#writer.write([insertStep("orders", order), ...updates], {
      events,
      jobs,
      idempotency: request.idempotency,
      keepsBody: true,
      turn: { id: request.orderId, products: ids, leaseMs: TURN_MS, joins },
    });
    switch (status) {
      case "ok": {
        const next = new Map(found);
        for (const product of changed) {
          next.set(product.id, { product, version: (found.get(product.id)?.version ?? 0) + 1 });
        }
        return { stored: { stored: { version: 1, value: order }, isReplay: false }, found: next };
      }
      case "replay": {
        const value = JSON.parse(toText(rest[0])) as Order;
        return { stored: { stored: { version: 1, value }, isReplay: true }, found };
      }
      case "mismatch":
        throw keyReused();
      case "turn":
        return { place: Number(rest[0]), lost: toFound(ids, rest.slice(1)) };
      default:
        throw new Error(`redis: placing an order: ${status}`);
    }
  }

  /** Who cannot be served gives up the place in the queue. */
  async #decide(
    request: PlaceOrderRequest,
    ids: readonly string[],
    products: ReadonlyMap<string, Product>,
    hasJoined: boolean,
  ) {
    try {
      return fulfilOrder({ nowMs: request.nowMs, limits: this.#limits }, request, products);
    } catch (refusal) {
      if (hasJoined) await this.#leave(request.orderId, String(TURN_MS), ...ids);
      throw refusal;
    }
  }
}

/**
 * The orders of this isolate that lost a try, by product, one after the other. Each is told what the one before it saw,
 * so it needs no look of its own, and none at all where nothing is left.
 */
class LocalTurns {
  readonly #last = new Map<string, Promise<Products>>();

  /**
   * Resolves when it is one's turn. Whoever is before may have been cancelled by the platform, so nobody is waited for
   * without end, and nothing rests on being alone.
   */
  async enter(key: string): Promise<{ before: Products | undefined; leave: (latest: Products) => void }> {
    const mine = Promise.withResolvers<Products>();
    const predecessor = this.#last.get(key);
    this.#last.set(key, mine.promise);
    const leave = (latest: Products) => {
      if (this.#last.get(key) === mine.promise) this.#last.delete(key);
      mine.resolve(latest);
    };
    if (predecessor === undefined) return { before: undefined, leave };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, MAX_LOCAL_WAIT_MS, undefined);
    });
    const before = await Promise.race([predecessor, patience]);
    clearTimeout(timer);
    return { before, leave };
  }
}

/** What was seen last of each product. */
function merge(ids: readonly string[], older: Products, newer: Products): Products {
  const merged = new Map<string, Found>();
  for (const id of ids) {
    const [a, b] = [older.get(id), newer.get(id)];
    const found = a !== undefined && b !== undefined ? (a.version > b.version ? a : b) : (b ?? a);
    if (found !== undefined) merged.set(id, found);
  }
  return merged;
}

function replay(claim: string, { idempotency }: PlaceOrderRequest): Inserted<Order> {
  const end = claim.indexOf("\n");
  if (claim.slice(0, end) !== idempotency?.fingerprint) throw keyReused();
  return { stored: { version: 1, value: JSON.parse(claim.slice(end + 1)) as Order }, isReplay: true };
}

function toFound(ids: readonly string[], rows: readonly Reply[]): Products {
  const found = new Map<string, Found>();
  ids.forEach((id, n) => {
    const [version, body] = [rows[2 * n], rows[2 * n + 1]];
    if (typeof body !== "string" || body === "") return;
    found.set(id, { version: Number(version), product: JSON.parse(body) as Product });
  });
  return found;
}

/** The longer the queue in front, the longer; a turn takes about a round trip and a half. */
async function pause(place: number, roundTripMs: number): Promise<void> {
  if (place === 0) return;
  const expectedMs = place * Math.max(2, roundTripMs) * (0.6 + 0.3 * Math.random());
  await new Promise((resolve) => setTimeout(resolve, Math.min(MAX_PAUSE_MS, expectedMs)));
}

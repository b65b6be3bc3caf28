import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { EARLIEST } from "../../core/cursor.ts";
import type { Product } from "../../core/entities/product.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { toRecordEvent } from "../../core/operations/record-events.ts";
import type { EncodedEvent } from "../../core/ports.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../../core/record-rules.ts";
import type { IdempotencyClaim, Records } from "../../core/records.ts";
import { DeadLetters, MAX_REFUSALS } from "../../durable-objects/records-dead-letters.ts";
import { addJobs, JobOutbox } from "../../durable-objects/records-job-outbox.ts";
import { MIGRATIONS, migrate } from "../../durable-objects/records-migrations.ts";
import { Outbox } from "../../durable-objects/records-outbox.ts";
import { RecordStore } from "../../durable-objects/records-store.ts";
import { createChannels } from "../../services/channels.ts";
import { createRecords } from "../../services/records.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const records: Records = createRecords(env.RECORDS);
const main = env.RECORDS.getByName("main");
const context = { nowMs: Date.now(), limits: DEFAULT_LIMITS };

const refused = (code: "invalid_argument" | "unavailable") =>
  ({ ok: false, error: { code, message: "No." } }) as const;

let products = 0;
function newProduct(stock = 5): Product {
  products += 1;
  const createdAt = new Date().toISOString();
  return { id: `prd_${products}`, name: `P${products}`, category: "x", price: 1, stock, createdAt };
}

function insertion(value: Product, idempotency?: IdempotencyClaim) {
  const events = [toRecordEvent(context, "products", "created", value)];
  return { collection: "products", value, events, idempotency } as const;
}

async function idsInLog(channel = "products"): Promise<string[]> {
  const page = await channels.read(channel as ChannelName, { after: EARLIEST, limit: 1000 });
  return page.events.map(({ json }) => (JSON.parse(json) as { data: { id: string } }).data.id);
}

describe("the outbox", () => {
  it("has delivered when the write is answered, in order", async () => {
    const [one, two] = [newProduct(), newProduct()];
    await records.insert(insertion(one));
    await records.insert(insertion(two));
    expect((await idsInLog()).slice(-2)).toEqual([one.id, two.id]);
  });

  it("delivers by its alarm what a crash left behind between commit and delivery", async () => {
    const product = newProduct();
    await runInDurableObject(main, async (_, state) => {
      // Just what a write commits before anything is sent: the rows and the alarm.
      new RecordStore(state.storage, DEFAULT_LIMITS).insert(insertion(product), Date.now());
      await state.storage.setAlarm(Date.now() + 3000);
    });
    await evictDurableObject(main);
    expect(await idsInLog()).not.toContain(product.id);
    await runDurableObjectAlarm(main);
    expect((await idsInLog()).filter((id) => id === product.id)).toHaveLength(1);
  });

  it("repeats nothing where the crash came after delivery, before the note of it", async () => {
    const product = newProduct();
    const request = insertion(product);
    await runInDurableObject(main, (_, state) => {
      new RecordStore(state.storage, DEFAULT_LIMITS).insert(request, Date.now());
    });
    const events: readonly EncodedEvent[] = request.events;
    await channels.append("products" as ChannelName, { events, rateKey: undefined });
    await runInDurableObject(main, async (_, state) => state.storage.setAlarm(Date.now() + 3000));
    await evictDurableObject(main);
    await runDurableObjectAlarm(main);
    expect((await idsInLog()).filter((id) => id === product.id)).toHaveLength(1);
  });

  it("a channel that cannot be reached holds up no other, and is tried again in order", async () => {
    const outcome = await runInDurableObject(env.RECORDS.getByName("outbox"), async (_, state) => {
      const store = new RecordStore(state.storage, DEFAULT_LIMITS);
      const ids = [newProduct(), newProduct()].map((product) => {
        store.insert(insertion(product), Date.now());
        return product.id;
      });
      state.storage.sql.exec("INSERT INTO outbox (channel, type, json) VALUES ('other', 't', '{}')");
      const sent: string[] = [];
      let isBroken = true;
      const appender = {
        append: async (channel: string, events: readonly EncodedEvent[]) => {
          if (channel === "products" && isBroken) throw new Error("unreachable");
          sent.push(
            ...events.map(
              (event) => (JSON.parse(event.json) as { data?: { id: string } }).data?.id ?? channel,
            ),
          );
          return "";
        },
      };
      const outbox = new Outbox(state.storage.sql, appender, new DeadLetters(state.storage));
      await outbox.drainAll();
      const afterFailure = { sent: [...sent], attempts: outbox.leastAttempts() };
      isBroken = false;
      await Promise.all([outbox.drainAll(), outbox.drainAll()]);
      return { ids, afterFailure, sent, left: outbox.leastAttempts() };
    });
    expect(outcome.afterFailure).toEqual({ sent: ["other"], attempts: 1 });
    expect(outcome.sent).toEqual(["other", ...outcome.ids]);
    expect(outcome.left).toBeUndefined();
  });

  it("puts aside what its channel will never take, and goes on with what is behind it, in order", async () => {
    const outcome = await runInDurableObject(env.RECORDS.getByName("refused"), async (_, state) => {
      for (const id of ["a", "bad", "b", "c"]) {
        state.storage.sql.exec(
          "INSERT INTO outbox (channel, type, json) VALUES ('products', 't', ?)",
          JSON.stringify({ id }),
        );
      }
      const sent: string[] = [];
      const dead = new DeadLetters(state.storage);
      const refusal = { code: "payload_too_large", message: "No." } as const;
      const appender = {
        append: async (_channel: string, events: readonly EncodedEvent[]) => {
          const ids = events.map(({ json }) => (JSON.parse(json) as { id: string }).id);
          if (ids.includes("bad")) return { ok: false, error: refusal } as const;
          sent.push(...ids);
          return "";
        },
      };
      const outbox = new Outbox(state.storage.sql, appender, dead);
      const history: string[][] = [];
      for (let attempt = 1; attempt <= MAX_REFUSALS; attempt += 1) {
        await outbox.drainAll();
        history.push([...sent]);
      }
      const letters = dead.list(0, 10);
      const [letter] = letters;
      const isBack = dead.retry(letter?.position ?? 0, Date.now()) !== undefined;
      return { history, letters, isBack, waiting: outbox.leastAttempts(), left: dead.list(0, 10) };
    });
    expect(outcome.history.slice(0, -1)).toEqual(Array(MAX_REFUSALS - 1).fill(["a"]));
    expect(outcome.history.at(-1)).toEqual(["a", "b", "c"]);
    expect(outcome.letters).toMatchObject([
      { channel: "products", job: undefined, body: '{"id":"bad"}', error: "payload_too_large: No." },
    ]);
    expect(outcome).toMatchObject({ isBack: true, waiting: 0, left: [] });
  });

  it("keeps jobs until the queue has them, whatever becomes of the events", async () => {
    const outcome = await runInDurableObject(env.RECORDS.getByName("jobs"), async (_, state) => {
      const job = (id: string) =>
        ({ name: "advance-order", body: `"${id}"`, delaySeconds: 0, deduplicationId: id }) as const;
      const { sql } = state.storage;
      const nowMs = Date.now();
      addJobs(sql, [job("a"), job("refused"), job("b")], nowMs);
      let isDown = true;
      const sent: string[] = [];
      const dead = new DeadLetters(state.storage);
      const jobs = new JobOutbox(
        sql,
        async ({ deduplicationId }) => {
          if (deduplicationId === "refused") return refused("invalid_argument");
          if (isDown) return refused("unavailable");
          sent.push(deduplicationId);
          return { ok: true, value: undefined };
        },
        dead,
      );
      await jobs.drain();
      const waiting = jobs.nextRetryMs() ?? 0;
      isDown = false;
      for (let attempt = 1; attempt < MAX_REFUSALS; attempt += 1) {
        // What waits for its time is due now.
        sql.exec("UPDATE job_outbox SET retry_ms = 0");
        await Promise.all([jobs.drain(), jobs.drain()]);
      }
      return { sent, waitedMs: waiting - nowMs, left: jobs.nextRetryMs(), dead: dead.list(0, 10) };
    });
    expect(outcome.sent).toEqual(["a", "b"]);
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(1000);
    expect(outcome.left).toBeUndefined();
    expect(outcome.dead).toMatchObject([{ job: "advance-order", channel: undefined, body: '"refused"' }]);
  });

  it("keeps neither the record nor its event where the write fails", async () => {
    const before = await idsInLog();
    const value = newProduct();
    const parent = { collection: "posts", id: "none" } as const;
    await expect(records.insert({ ...insertion(value), parent })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await records.get("products", value.id)).toBeUndefined();
    expect(await idsInLog()).toEqual(before);
  });
});

describe("placing orders", () => {
  it("sells no more than there is, whoever comes at once", async () => {
    const product = newProduct(5);
    await records.insert(insertion(product));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) =>
        records.placeOrder({
          orderId: `ord_race_${n}`,
          userId: "ada",
          items: [{ productId: product.id, quantity: 1 }],
          nowMs: Date.now(),
          idempotency: undefined,
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "already_exists" });
    }
    expect((await records.get("products", product.id))?.value.stock).toBe(0);
    expect(await records.orderOwner("ord_race_0")).toBe("ada");
  });

  it("takes all items or none", async () => {
    const [much, none] = [newProduct(9), newProduct(0)];
    await records.insert(insertion(much));
    await records.insert(insertion(none));
    const items = [much, none].map(({ id }) => ({ productId: id, quantity: 1 }));
    const order = { orderId: "ord_all", userId: "ada", items, nowMs: Date.now(), idempotency: undefined };
    await expect(records.placeOrder(order)).rejects.toMatchObject({ code: "already_exists" });
    expect((await records.get("products", much.id))?.value.stock).toBe(9);
    expect(await records.get("orders", "ord_all")).toBeUndefined();
  });
});

describe("idempotency keys", () => {
  it("make one record of tries at once, and are forgotten after their time", async () => {
    const claim = { key: "ada\n/products\nk", fingerprint: "f" };
    const tries = await Promise.all(
      Array.from({ length: 5 }, () => records.insert(insertion(newProduct(), claim))),
    );
    expect(new Set(tries.map(({ stored }) => stored.value.id)).size).toBe(1);
    expect(tries.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
    const other = records.insert(insertion(newProduct(), { ...claim, fingerprint: "g" }));
    await expect(other).rejects.toMatchObject({ code: "validation_failed" });
    await runInDurableObject(main, (_, state) => {
      const old = Date.now() - IDEMPOTENCY_WINDOW_MS - 1;
      state.storage.sql.exec("UPDATE idempotency SET created_ms = ?", old);
    });
    const again = await records.insert(insertion(newProduct(), claim));
    expect(again.isReplay).toBe(false);
    await runInDurableObject(main, async (instance, state) => {
      state.storage.sql.exec("UPDATE idempotency SET created_ms = ?", 0);
      await instance.alarm();
      expect(state.storage.sql.exec("SELECT * FROM idempotency").toArray()).toEqual([]);
    });
  });

  it("replay the answer as it was, though the record has changed since", async () => {
    const claim = { key: "ada\n/products\nchanged", fingerprint: "f" };
    const { stored } = await records.insert(insertion(newProduct(), claim));
    const changed = { ...stored.value, price: 99 };
    expect(await records.update({ collection: "products", value: changed, ifVersion: 1, events: [] })).toBe(
      "done",
    );
    expect((await records.insert(insertion(newProduct(), claim))).stored).toEqual(stored);
  });
});

describe("versions of a record", () => {
  it("an update based on an old version changes nothing", async () => {
    const value = newProduct();
    await records.insert(insertion(value));
    const update = {
      collection: "products",
      value: { ...value, price: 2 },
      ifVersion: 1,
      events: [],
    } as const;
    expect(await records.update(update)).toBe("done");
    expect(await records.update({ ...update, value: { ...value, price: 3 } })).toBe("conflict");
    expect(await records.remove({ collection: "products", id: value.id, ifVersion: 1, events: [] })).toBe(
      "conflict",
    );
    expect(await records.remove({ collection: "products", id: "none", ifVersion: 1, events: [] })).toBe(
      "missing",
    );
    expect(await records.get("products", value.id)).toEqual({ version: 2, value: { ...value, price: 2 } });
  });
});

describe("migrations", () => {
  it("take a store of the first version to the newest, once, and keep what is in it", async () => {
    await runInDurableObject(env.RECORDS.getByName("old"), (_, state) => {
      const { sql } = state.storage;
      const tables = sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray();
      for (const { name } of tables) if (!/^(sqlite_|_cf)/.test(name)) sql.exec(`DROP TABLE ${name}`);
      migrate(state.storage, MIGRATIONS.slice(0, 1));
      const product = newProduct();
      sql.exec(
        "INSERT INTO products (id, version, body) VALUES (?, 3, ?)",
        product.id,
        JSON.stringify(product),
      );
      migrate(state.storage);
      migrate(state.storage);
      const applied = sql
        .exec<{ version: number }>("SELECT version FROM migrations ORDER BY version")
        .toArray();
      expect(applied.map(({ version }) => version)).toEqual(MIGRATIONS.map(({ version }) => version));
      const store = new RecordStore(state.storage, DEFAULT_LIMITS);
      expect(store.get("products", product.id)?.version).toBe(3);
      expect(store.insert(insertion(newProduct()), Date.now()).isReplay).toBe(false);
    });
  });

  it("a step that fails leaves nothing of itself", async () => {
    await runInDurableObject(env.RECORDS.getByName("failing"), (_, state) => {
      const statements = ["CREATE TABLE half (a)", "NONSENSE"];
      const broken = [...MIGRATIONS, { version: 99, name: "broken", statements }];
      expect(() => migrate(state.storage, broken)).toThrow();
      expect(() => state.storage.sql.exec("SELECT * FROM half")).toThrow();
      expect(() => migrate(state.storage, MIGRATIONS)).not.toThrow();
    });
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import type { CollectionName } from "../core/entities/collections.ts";
import type { Order } from "../core/entities/order.ts";
import type { Comment, Post } from "../core/entities/post.ts";
import type { Product } from "../core/entities/product.ts";
import type { User } from "../core/entities/user.ts";
import { DEFAULT_LIMITS } from "../core/limits.ts";
import { toRecordEvent } from "../core/operations/record-events.ts";
import type {
  Filter,
  IdempotencyClaim,
  ListQuery,
  OutboxEvent,
  PlaceOrderRequest,
  Records,
} from "../core/records.ts";

/** A store, and what came into its channels. */
export interface RecordsUnderTest {
  readonly records: Records;
  /** The `data.id` of each event in a channel, in order. */
  idsIn(channel: string): Promise<readonly string[]>;
}

/** What every implementation of `Records` must do; a file for each runs it. `open` gives the same store each time. */
export function describeRecords(open: () => RecordsUnderTest): void {
  let records: Records;
  let idsIn: RecordsUnderTest["idsIn"];
  /** Sets what a test makes apart from what others made. */
  let mark = "";
  let made = 0;
  let runs = 0;
  const run = Math.random().toString(36).slice(2, 8);
  beforeEach(() => {
    ({ records, idsIn } = open());
    runs += 1;
    mark = `${run}${runs}`;
  });

  const eventContext = () => ({ nowMs: Date.now(), limits: DEFAULT_LIMITS });
  const newId = () => {
    made += 1;
    return `${mark}_${made}`;
  };
  const product = (more: Partial<Product> = {}): Product => ({
    id: newId(),
    name: "P",
    category: mark,
    price: 1,
    stock: 5,
    createdAt: "2026-01-01T00:00:00.000Z",
    ...more,
  });
  const user = (more: Partial<User> = {}): User => {
    const id = newId();
    const createdAt = "2026-01-01T00:00:00.000Z";
    return {
      id,
      name: "U",
      givenName: "U",
      familyName: "",
      email: `${id}@example.org`,
      tags: [mark],
      createdAt,
      ...more,
    };
  };
  const post = (more: Partial<Post> = {}): Post => ({
    id: newId(),
    title: "T",
    content: "",
    authorId: mark,
    createdAt: "2026-01-01T00:00:00.000Z",
    ...more,
  });
  const comment = (postId: string): Comment => ({
    id: newId(),
    postId,
    authorId: mark,
    content: "c",
    createdAt: "2026-01-01T00:00:00.000Z",
  });
  const insertion = <C extends "products" | "users" | "posts" | "comments">(
    collection: C,
    value: { users: User; posts: Post; comments: Comment; products: Product }[C],
    idempotency?: IdempotencyClaim,
  ) => ({
    collection,
    value,
    events: [toRecordEvent(eventContext(), collection, "created", value as never)] as readonly OutboxEvent[],
    idempotency,
  });
  const add = async (...products: readonly Partial<Product>[]): Promise<readonly Product[]> => {
    const values = products.map(product);
    await records.insertMany({ collection: "products", values, events: [], idempotency: undefined });
    return values;
  };
  const equals = (field: string, value: string): Filter => ({ field, comparison: "equals", value });
  const ofMark = () => equals("category", mark);
  const page = (number: number, perPage: number) => ({ kind: "page", page: number, perPage }) as const;
  const list = (collection: CollectionName, query: Partial<ListQuery>) =>
    records.list(collection, { filters: [], sort: [], window: page(1, 100), ...query });
  const sortBy = (text: string) =>
    (text === "" ? [] : text.split(",")).map((key) => ({
      field: key.replace("-", ""),
      isDescending: key.startsWith("-"),
    }));
  const namesBy = async (text: string, filters: readonly Filter[] = [ofMark()]) => {
    const { records: found } = await list("products", { filters, sort: sortBy(text) });
    return found.map(({ value }) => (value as Product).name).join(" ");
  };
  const orderOf = (items: readonly Product[], more: Partial<PlaceOrderRequest> = {}): PlaceOrderRequest => ({
    orderId: newId(),
    userId: "ada",
    items: items.map(({ id }) => ({ productId: id, quantity: 1 })),
    nowMs: Date.now(),
    idempotency: undefined,
    ...more,
  });

  describe("reading by id", () => {
    it("gives what was stored, and its version", async () => {
      const value = user({ address: { city: "Zürich" }, name: "Ünï 😀 \u0000 \"'\\ </x> \ud83d\ude00" });
      const { stored, isReplay } = await records.insert(insertion("users", value));
      expect({ stored, isReplay }).toEqual({ stored: { version: 1, value }, isReplay: false });
      expect(await records.get("users", value.id)).toEqual({ version: 1, value });
      expect(await records.get("users", "none")).toBeUndefined();
      expect(await records.get("posts", value.id)).toBeUndefined();
    });

    it("keeps numbers as they are", async () => {
      const numbers = [0, 0.1, 0.01, 999_999_999.99, 1e9, 123_456_789.12];
      const values = await add(...numbers.map((price) => ({ price })));
      const found = await records.getMany(
        "products",
        values.map(({ id }) => id),
      );
      expect(found.map((stored) => stored?.value.price)).toEqual(numbers);
    });

    it("gives many in the order asked for, with gaps and repeats", async () => {
      const [a, b] = await add({}, {});
      const ids = [b?.id ?? "", "none", a?.id ?? "", b?.id ?? ""];
      const found = await records.getMany("products", ids);
      expect(found.map((stored) => stored?.value.id)).toEqual([b?.id, undefined, a?.id, b?.id]);
      expect(await records.getMany("products", [])).toEqual([]);
    });

    it("gives many large ones", async () => {
      const content = "é".repeat(50_000);
      const values = Array.from({ length: 30 }, () => post({ content }));
      for (const value of values) await records.insert({ ...insertion("posts", value), events: [] });
      const ids = values.map(({ id }) => id);
      const found = await records.getMany("posts", ids);
      expect(found.map((stored) => stored?.value.id)).toEqual(ids);
      const { records: listed } = await list("posts", { filters: [equals("authorId", mark)] });
      expect(listed.map(({ value }) => (value as Post).content.length)).toEqual(ids.map(() => 50_000));
      const query = { field: "authorId", parentIds: ["none", mark], limit: 20 };
      const [none, some] = await records.listByParents("posts", query);
      expect(none).toEqual([]);
      expect(some?.map(({ value }) => value.id)).toEqual(ids.slice(0, 20));
    });
  });

  describe("inserting", () => {
    it("tells it in the channel, in order, before it answers", async () => {
      const [a, b] = [product(), product()];
      await records.insert(insertion("products", a));
      await records.insert(insertion("products", b));
      expect((await idsIn("products")).slice(-2)).toEqual([a.id, b.id]);
    });

    it("refuses an email that is taken, whatever its case, and leaves no trace", async () => {
      const first = user({ email: `${mark}.Ä@Example.org` });
      await records.insert(insertion("users", first));
      const before = await idsIn("users");
      const second = user({ email: `${mark}.ä@EXAMPLE.org` });
      const claim = { key: `${mark}\nemail`, fingerprint: "f" };
      await expect(records.insert(insertion("users", second, claim))).rejects.toMatchObject({
        code: "already_exists",
        details: { email: ["Already in use"] },
      });
      expect(await records.get("users", second.id)).toBeUndefined();
      expect(await idsIn("users")).toEqual(before);
      // Nor was the key used up.
      const third = user();
      expect((await records.insert(insertion("users", third, claim))).isReplay).toBe(false);
    });

    it("of many who want one email at once, one gets it", async () => {
      const values = Array.from({ length: 20 }, (_, n) =>
        user({ email: `${n % 2 === 0 ? "RACE" : "race"}${mark}@x.org` }),
      );
      const outcomes = await Promise.allSettled(
        values.map((value) => records.insert(insertion("users", value))),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const filters = [{ field: "email", comparison: "same-email", value: `Race${mark}@x.org` } as const];
      expect((await list("users", { filters })).total).toBe(1);
      const winner = values[outcomes.findIndex(({ status }) => status === "fulfilled")];
      expect((await idsIn("users")).filter((id) => values.some((value) => value.id === id))).toEqual([
        winner?.id,
      ]);
    });

    it("refuses an id that exists, and changes nothing", async () => {
      const value = product();
      await records.insert(insertion("products", value));
      const before = await idsIn("products");
      const again = { ...insertion("products", { ...value, price: 9 }) };
      await expect(records.insert(again)).rejects.toThrow();
      expect(await records.get("products", value.id)).toEqual({ version: 1, value });
      expect(await idsIn("products")).toEqual(before);
    });

    it("refuses a record whose parent is missing", async () => {
      const value = comment(`${mark}none`);
      const parent = { collection: "posts", id: value.postId } as const;
      await expect(records.insert({ ...insertion("comments", value), parent })).rejects.toMatchObject({
        code: "not_found",
      });
      expect(await records.get("comments", value.id)).toBeUndefined();
      expect(await idsIn(`posts/${mark}none/comments`)).toEqual([]);
    });

    it("makes one record of tries with one key, and tells another body from a retry", async () => {
      const claim = { key: `${mark}\nonce`, fingerprint: "f" };
      const tries = await Promise.all(
        Array.from({ length: 8 }, () => records.insert(insertion("products", product(), claim))),
      );
      expect(new Set(tries.map(({ stored }) => stored.value.id)).size).toBe(1);
      expect(tries.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
      const other = records.insert(insertion("products", product(), { ...claim, fingerprint: "g" }));
      await expect(other).rejects.toMatchObject({ code: "validation_failed" });
      const value = { ...(tries[0]?.stored.value as Product), price: 99 };
      await records.update({ collection: "products", value, ifVersion: 1, events: [] });
      const replay = await records.insert(insertion("products", product(), claim));
      expect(replay).toEqual({ stored: tries[0]?.stored, isReplay: true });
    });
  });

  describe("inserting many", () => {
    it("stores all, once for a key", async () => {
      const idempotency = { key: `${mark}\nmany`, fingerprint: "" };
      const values = Array.from({ length: 100 }, (_, n) => product({ name: `${n}` }));
      const events = values.map((value) => toRecordEvent(eventContext(), "products", "created", value));
      const request = { collection: "products", values, events, idempotency } as const;
      expect(await records.insertMany(request)).toBe("done");
      expect(await records.insertMany(request)).toBe("replay");
      expect((await list("products", { filters: [ofMark()] })).total).toBe(100);
      expect((await idsIn("products")).slice(-100)).toEqual(values.map(({ id }) => id));
    });

    it("stores none where one is refused, also for another in the same batch", async () => {
      const email = `${mark}@twice.org`;
      const values = [user(), user({ email }), user({ email: email.toUpperCase() })];
      const events = values.map((value) => toRecordEvent(eventContext(), "users", "created", value));
      const before = await idsIn("users");
      const request = { collection: "users", values, events, idempotency: undefined } as const;
      await expect(records.insertMany(request)).rejects.toMatchObject({ code: "already_exists" });
      expect(
        await records.getMany(
          "users",
          values.map(({ id }) => id),
        ),
      ).toEqual(values.map(() => undefined));
      expect(await idsIn("users")).toEqual(before);
    });

    it("stores events without records", async () => {
      const value = product();
      const events = [toRecordEvent(eventContext(), "products", "created", value)];
      await records.insertMany({ collection: "products", values: [], events, idempotency: undefined });
      expect((await idsIn("products")).at(-1)).toBe(value.id);
    });
  });

  describe("changing and removing", () => {
    it("an update based on an old version changes nothing", async () => {
      const value = product();
      await records.insert(insertion("products", value));
      const change = (price: number, ifVersion: number) => {
        const next = { ...value, price };
        const events = [toRecordEvent(eventContext(), "products", "updated", next)];
        return records.update({ collection: "products", value: next, ifVersion, events });
      };
      expect(await change(2, 1)).toBe("done");
      const before = await idsIn("products");
      expect(await change(3, 1)).toBe("conflict");
      const removal = { collection: "products", id: value.id, ifVersion: 1, events: [] } as const;
      expect(await records.remove(removal)).toBe("conflict");
      expect(await idsIn("products")).toEqual(before);
      expect(await records.get("products", value.id)).toEqual({ version: 2, value: { ...value, price: 2 } });
      expect(await records.remove({ ...removal, ifVersion: 2 })).toBe("done");
      expect(await records.get("products", value.id)).toBeUndefined();
      expect(await records.remove({ ...removal, ifVersion: 2 })).toBe("missing");
      expect(await change(3, 2)).toBe("missing");
    });

    it("of writers who race with one version, one wins", async () => {
      const value = product();
      await records.insert(insertion("products", value));
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          records.update({
            collection: "products",
            value: { ...value, price: n },
            ifVersion: 1,
            events: [],
          }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(1);
      expect((await records.get("products", value.id))?.version).toBe(2);
    });

    it("lets an email go where it is changed or its owner removed, and keeps one's own", async () => {
      const [one, two] = [user(), user()];
      await records.insert(insertion("users", one));
      await records.insert(insertion("users", two));
      const update = (value: User, ifVersion: number) =>
        records.update({ collection: "users", value, ifVersion, events: [] });
      await expect(update({ ...two, email: one.email.toUpperCase() }, 1)).rejects.toMatchObject({
        code: "already_exists",
      });
      expect(await update({ ...one, email: one.email.toUpperCase() }, 1)).toBe("done");
      expect(await update({ ...one, email: `new${one.email}` }, 2)).toBe("done");
      expect(await update({ ...two, email: one.email }, 1)).toBe("done");
      await records.remove({ collection: "users", id: two.id, ifVersion: 2, events: [] });
      expect((await records.insert(insertion("users", user({ email: one.email })))).isReplay).toBe(false);
    });

    it("is found by what it is now, and no longer by what it was", async () => {
      const [value] = await add({ name: "old", price: 10 });
      if (value === undefined) throw new Error("Nothing was stored.");
      const next = { ...value, name: "new", category: `${mark}b`, price: 3 };
      await records.update({ collection: "products", value: next, ifVersion: 1, events: [] });
      expect((await list("products", { filters: [ofMark()] })).total).toBe(0);
      expect((await list("products", { filters: [equals("name", "old"), ofMark()] })).total).toBe(0);
      await add({ name: "b", price: 2, category: `${mark}b` }, { name: "c", price: 4, category: `${mark}b` });
      const filters = [equals("category", `${mark}b`)];
      expect(await namesBy("price", filters)).toBe("b new c");
      expect(await namesBy("-name", filters)).toBe("new c b");
      await records.remove({ collection: "products", id: value.id, ifVersion: 2, events: [] });
      expect(await namesBy("price", filters)).toBe("b c");
      expect(await namesBy("", filters)).toBe("b c");
    });

    it("removes what depends on it, and nothing else", async () => {
      const [gone, kept] = [post(), post()];
      for (const value of [gone, kept]) await records.insert(insertion("posts", value));
      const comments = [gone, gone, kept].map(({ id }) => comment(id));
      for (const value of comments) await records.insert(insertion("comments", value));
      await records.remove({ collection: "posts", id: gone.id, ifVersion: 1, events: [] });
      const left = await records.getMany(
        "comments",
        comments.map(({ id }) => id),
      );
      expect(left.map((stored) => stored?.value.id)).toEqual([undefined, undefined, comments[2]?.id]);
      expect((await list("comments", { filters: [equals("authorId", mark)] })).total).toBe(1);
      const byPost = { field: "postId", parentIds: [gone.id, kept.id], limit: 5 };
      expect((await records.listByParents("comments", byPost)).map((found) => found.length)).toEqual([0, 1]);
    });
  });

  describe("lists", () => {
    it("come by page, in order of creation, with how many there are", async () => {
      await add(...Array.from({ length: 7 }, (_, n) => ({ name: `${n}` })));
      const at = async (number: number) => {
        const answer = await list("products", { filters: [ofMark()], window: page(number, 3) });
        return [answer.records.map(({ value }) => (value as Product).name).join(""), answer.total];
      };
      expect(await at(1)).toEqual(["012", 7]);
      expect(await at(3)).toEqual(["6", 7]);
      expect(await at(4)).toEqual(["", 7]);
      expect(await at(1e15)).toEqual(["", 7]);
      const none = await list("products", { filters: [equals("category", `${mark}none`)] });
      expect(none).toEqual({ records: [], total: 0, nextCursor: undefined });
    });

    it("are narrowed by each comparison, and by several", async () => {
      await add(
        { name: "a", price: 1 },
        { name: "b", price: 2 },
        { name: "c", price: 2.5 },
        { name: "a", price: 3 },
      );
      const by = (...filters: readonly Filter[]) => namesBy("", [ofMark(), ...filters]);
      const atLeast = (value: number): Filter => ({ field: "price", comparison: "at-least", value });
      const atMost = (value: number): Filter => ({ field: "price", comparison: "at-most", value });
      expect(await by(equals("name", "a"))).toBe("a a");
      expect(await by(equals("name", "A"))).toBe("");
      expect(await by(atLeast(2))).toBe("b c a");
      expect(await by(atMost(2))).toBe("a b");
      expect(await by(atLeast(2), atMost(2.5))).toBe("b c");
      expect(await by(atLeast(2), atMost(2.5), equals("name", "c"))).toBe("c");
      expect(await by(atLeast(3), atMost(2))).toBe("");
      expect(await namesBy("-price", [ofMark(), atLeast(2), atMost(2.5)])).toBe("c b");
      const users = [user({ tags: [mark, "x", "x"] }), user({ tags: [`${mark}x`] }), user({ tags: [] })];
      for (const value of users) await records.insert(insertion("users", value));
      const tagged = (value: string) => ({ field: "tags", comparison: "contains", value }) as const;
      const found = await list("users", { filters: [tagged(mark)] });
      expect(found.records.map(({ value }) => value.id)).toEqual([users[0]?.id]);
      expect((await list("users", { filters: [tagged(mark), tagged("x")] })).total).toBe(1);
      const email = { field: "email", comparison: "same-email", value: users[1]?.email ?? "" } as const;
      expect((await list("users", { filters: [email] })).total).toBe(1);
      expect((await list("users", { filters: [email, tagged(mark)] })).total).toBe(0);
      expect(
        (await list("users", { filters: [email, tagged(`${mark}x`)], sort: sortBy("name") })).total,
      ).toBe(1);
    });

    it("by a range alone, over everything there is", async () => {
      const prices = [700_000.01, 700_000.02, 700_000.03];
      await add(...prices.map((price, n) => ({ price, name: `${n}` })));
      const filters: readonly Filter[] = [
        { field: "price", comparison: "at-least", value: 700_000.02 },
        { field: "price", comparison: "at-most", value: 700_000.03 },
      ];
      expect(await namesBy("-price", filters)).toBe("2 1");
      expect(await namesBy("price", filters)).toBe("1 2");
      expect(await namesBy("", filters)).toBe("1 2");
      expect(await namesBy("-name", filters)).toBe("2 1");
      const second = await list("products", { filters, sort: sortBy("-price"), window: page(2, 1) });
      expect(second.records.map(({ value }) => (value as Product).price)).toEqual([700_000.02]);
      expect(second.total).toBe(2);
      const all = await list("products", { filters, sort: sortBy("price"), window: page(3, 1) });
      expect([all.records.length, all.total]).toEqual([0, 2]);
      for (const { value, version } of (await list("products", { filters: [ofMark()] })).records) {
        await records.remove({ collection: "products", id: value.id, ifVersion: version, events: [] });
      }
    });

    it("take text for what it is", async () => {
      const strange = [
        "' OR 1=1 --",
        "a=b",
        "a\u0000b",
        "a\nb",
        "\u0001",
        "{everywire}",
        "\u00e9",
        "e\u0301",
        "😀",
        "#5",
      ];
      await add(...strange.map((name) => ({ name })));
      for (const name of strange) {
        const found = await list("products", { filters: [ofMark(), equals("name", name)] });
        expect(found.records.map(({ value }) => (value as Product).name)).toEqual([name]);
      }
    });

    it("are sorted by text as bytes, A-Z as a-z, and by numbers as numbers", async () => {
      const names = ["b", "B", "a", "Z", "_", "é", "z", "É", "zz", "", "10", "9", "😀", "~"];
      await add(...names.map((name, n) => ({ name, price: n === 0 ? 1000 : n })));
      expect(await namesBy("name")).toBe([" 10 9 _ a b B Z z zz ~ É é 😀"].join(""));
      expect(await namesBy("-name")).toBe(["😀 é É ~ zz Z z b B a _ 9 10 "].join(""));
      expect(await namesBy("price")).toBe("B a Z _ é z É zz  10 9 😀 ~ b");
    });

    it("keep the order of creation among equals, up and down, over pages", async () => {
      await add(...Array.from({ length: 23 }, (_, n) => ({ name: `${n}`, price: n % 3, stock: 0 })));
      const expected = (isDescending: boolean) =>
        [0, 1, 2]
          .sort((a, b) => (isDescending ? b - a : a - b))
          .flatMap((rest) => Array.from({ length: 23 }, (_, n) => n).filter((n) => n % 3 === rest));
      for (const key of ["price", "-price"]) {
        for (const filters of [[ofMark()], [ofMark(), equals("category", mark)]]) {
          const seen: string[] = [];
          for (let number = 1; number <= 6; number += 1) {
            const answer = await list("products", { filters, sort: sortBy(key), window: page(number, 4) });
            seen.push(...answer.records.map(({ value }) => (value as Product).name));
            expect(answer.nextCursor).toBeUndefined();
          }
          expect(seen.map(Number)).toEqual(expected(key.startsWith("-")));
        }
      }
      const everything = Array.from({ length: 23 }, (_, n) => n).join(" ");
      expect(await namesBy("stock")).toBe(everything);
      expect(await namesBy("-stock")).toBe(everything);
    });

    it("are sorted by several keys", async () => {
      await add(
        { name: "x", price: 2, stock: 1 },
        { name: "X", price: 1, stock: 2 },
        { name: "a", price: 2, stock: 1 },
        { name: "b", price: 1, stock: 1 },
        { name: "c", price: 2, stock: 1 },
      );
      expect(await namesBy("price,name")).toBe("b X a c x");
      expect(await namesBy("-price,-name")).toBe("x c a X b");
      expect(await namesBy("stock,-price")).toBe("x a c b X");
      expect(await namesBy("name,-stock")).toBe("a b c X x");
      const second = await list("products", {
        filters: [ofMark()],
        sort: sortBy("-price,name"),
        window: page(2, 2),
      });
      expect(second.records.map(({ value }) => (value as Product).name)).toEqual(["x", "b"]);
    });

    it("without a filter give the same as with one that all pass", async () => {
      const orders = 12;
      const [pen] = await add({ stock: 1000 });
      if (pen === undefined) throw new Error("Nothing was stored.");
      for (let n = 0; n < orders; n += 1) {
        const items = [{ productId: pen.id, quantity: 1 + (n % 4) }];
        await records.placeOrder(orderOf([], { items, userId: mark }));
      }
      for (const sort of ["total", "-total", "-status", "total,-createdAt", "-total,status", "-createdAt"]) {
        const whole: Order[] = [];
        for (let number = 1; number <= 100; number += 1) {
          const answer = await list("orders", { sort: sortBy(sort), window: page(number, 7) });
          whole.push(...answer.records.map(({ value }) => value as Order));
          if (whole.length >= (answer.total ?? 0)) break;
        }
        expect(new Set(whole.map(({ id }) => id)).size).toBe(whole.length);
        const narrow = await list("orders", { filters: [equals("userId", mark)], sort: sortBy(sort) });
        const mine = whole.filter(({ userId }) => userId === mark).map(({ id }) => id);
        expect(mine).toEqual(narrow.records.map(({ value }) => value.id));
        expect(mine).toHaveLength(orders);
      }
    });

    it("are what filtering and sorting everything by hand gives, whatever is asked", async () => {
      const random = createRandom(made + runs);
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const names = Array.from({ length: 40 }, (_, n) => `${pick(["a", "B", "é", "_", ""])}${n % 11}`);
      for (let batch = 0; batch < 8; batch += 1) {
        await add(
          ...Array.from({ length: 100 }, () => ({
            name: pick(names),
            category: pick([mark, mark, mark.toUpperCase(), `${mark}c`]),
            price: pick([0, 1, 1.5, 2, 2.25, 10, 999_999]),
            stock: Math.floor(random() * 1000),
          })),
        );
      }
      const everything: Product[] = [];
      for (let after: string | undefined; ; ) {
        const window = { kind: "cursor", after, limit: 100, isNewestFirst: false } as const;
        const answer = await list("products", { window });
        everything.push(...answer.records.map(({ value }) => value as Product));
        after = answer.nextCursor;
        if (after === undefined) break;
      }
      const filterings: readonly (readonly Filter[])[] = [
        [],
        [ofMark()],
        [equals("category", `${mark}c`), equals("name", pick(names))],
        [equals("name", pick(names))],
        [{ field: "price", comparison: "at-least", value: 2 }],
        [
          { field: "price", comparison: "at-least", value: 1.5 },
          { field: "price", comparison: "at-most", value: 10 },
        ],
        [ofMark(), { field: "price", comparison: "at-most", value: 1 }],
      ];
      const sorts = [
        "",
        "price",
        "-price",
        "name",
        "-name",
        "-stock",
        "category,-price",
        "-category,name,-stock",
      ];
      sorts.push("-price,stock", "price,-name", "-createdAt,-stock", "createdAt");
      for (const filters of filterings) {
        const passing = everything.filter((value) => filters.every((filter) => passesByHand(filter, value)));
        for (const sort of sorts) {
          const expected = sortByHand(passing, sortBy(sort));
          const perPage = pick([1, 7, 20, 100]);
          const pages = Math.ceil(passing.length / perPage);
          for (const number of [1, 1 + Math.floor(random() * pages), pages]) {
            const answer = await list("products", {
              filters,
              sort: sortBy(sort),
              window: page(number, perPage),
            });
            const ids = expected.slice((number - 1) * perPage, number * perPage).map(({ id }) => id);
            const asked = `${JSON.stringify(filters)} ${sort} ${number}/${perPage}`;
            expect([asked, answer.total, answer.records.map(({ value }) => value.id)]).toEqual([
              asked,
              passing.length,
              ids,
            ]);
          }
        }
      }
    });

    it("sort what has no such field first, and leave it out of ranges", async () => {
      const without = { name: "none", price: undefined as unknown as number };
      await add({ name: "one", price: -1 }, without, { name: "two", price: 0 });
      expect(await namesBy("price")).toBe("none one two");
      expect(await namesBy("-price")).toBe("two one none");
      const below = { field: "price", comparison: "at-most", value: 0 } as const;
      expect(await namesBy("price", [ofMark(), below])).toBe("one two");
    });
  });

  describe("cursors", () => {
    const walk = async (isNewestFirst: boolean, between: (step: number) => Promise<void>) => {
      const seen: string[] = [];
      let after: string | undefined;
      for (let step = 0; step < 50; step += 1) {
        const answer = await list("posts", {
          filters: [equals("authorId", mark)],
          window: { kind: "cursor", after, limit: 2, isNewestFirst },
        });
        expect(answer.total).toBeUndefined();
        seen.push(...answer.records.map(({ value }) => (value as Post).title));
        after = answer.nextCursor;
        if (after === undefined) return seen.join("");
        await between(step);
      }
      throw new Error("A walk without end.");
    };
    const addPosts = async (titles: string) => {
      const values = [...titles].map((title) => post({ title }));
      for (const value of values) await records.insert({ ...insertion("posts", value), events: [] });
      return values;
    };

    it("see each record once, up and down, while others come and go", async () => {
      const values = await addPosts("abcdefg");
      const change = async (step: number) => {
        if (step > 0) return;
        await addPosts("h");
        // The one that the cursor stands on, and one that was not seen yet.
        for (const n of [1, 5, 3]) {
          const { id } = values[n] as Post;
          await records.remove({ collection: "posts", id, ifVersion: 1, events: [] });
        }
      };
      expect(await walk(false, change)).toBe("abcegh");
      expect(await walk(true, async () => {})).toBe("hgeca");
      await addPosts("i");
      expect(await walk(true, async (step) => void (step === 0 && (await addPosts("j"))))).toBe("ihgeca");
    });

    it("end exactly, and go on from a page", async () => {
      await addPosts("abcd");
      expect(await walk(false, async () => {})).toBe("abcd");
      const filters = [equals("authorId", mark)];
      const first = await list("posts", { filters, window: page(1, 3) });
      const window = { kind: "cursor", after: first.nextCursor, limit: 3, isNewestFirst: false } as const;
      const rest = await list("posts", { filters, window });
      expect(rest.records.map(({ value }) => (value as Post).title)).toEqual(["d"]);
      expect(rest.nextCursor).toBeUndefined();
      const two = await list("posts", {
        filters: [...filters, equals("title", "c")],
        window: { ...window, after: undefined },
      });
      expect(two.records).toHaveLength(1);
    });

    it("of another list or none are refused", async () => {
      await addPosts("abc");
      const filters = [equals("authorId", mark)];
      const first = await list("posts", {
        filters,
        window: { kind: "cursor", after: undefined, limit: 1, isNewestFirst: true },
      });
      for (const after of [first.nextCursor ?? "", "", "x", "a!", "-1", "a' OR 1"]) {
        const window = { kind: "cursor", after, limit: 1, isNewestFirst: false } as const;
        await expect(list("posts", { filters, window })).rejects.toMatchObject({ code: "invalid_argument" });
      }
    });
  });

  describe("orders", () => {
    it("take all items or none, and tell of them", async () => {
      const [much, none] = await add({ stock: 9, price: 0.1 }, { stock: 0 });
      if (much === undefined || none === undefined) throw new Error("Nothing was stored.");
      const request = orderOf([much, none]);
      await expect(records.placeOrder(request)).rejects.toMatchObject({
        code: "already_exists",
        details: { "items.1.quantity": ["Only 0 in stock"] },
      });
      expect((await records.get("products", much.id))?.value.stock).toBe(9);
      expect(await records.get("orders", request.orderId)).toBeUndefined();
      const { stored } = await records.placeOrder(
        orderOf([], { items: [{ productId: much.id, quantity: 3 }] }),
      );
      expect(stored).toMatchObject({ version: 1, value: { total: 0.3, status: "pending", userId: "ada" } });
      expect(await records.get("products", much.id)).toMatchObject({ version: 2, value: { stock: 6 } });
      expect(await records.orderOwner(stored.value.id)).toBe("ada");
      expect(await records.orderOwner("none")).toBeUndefined();
      expect(await idsIn(`orders/${stored.value.id}`)).toEqual([stored.value.id]);
      expect((await idsIn("products")).at(-1)).toBe(much.id);
      const unknown = orderOf([], { items: [{ productId: `${mark}none`, quantity: 1 }] });
      await expect(records.placeOrder(unknown)).rejects.toMatchObject({ code: "validation_failed" });
    });

    it("with one key are one order", async () => {
      const [pen] = await add({ stock: 10 });
      const idempotency = { key: `${mark}\norder`, fingerprint: "f" };
      const tries = await Promise.all(
        Array.from({ length: 6 }, () => records.placeOrder(orderOf([pen as Product], { idempotency }))),
      );
      expect(new Set(tries.map(({ stored }) => JSON.stringify(stored))).size).toBe(1);
      expect((await records.get("products", pen?.id ?? ""))?.value.stock).toBe(9);
      const other = orderOf([pen as Product], { idempotency: { ...idempotency, fingerprint: "g" } });
      await expect(records.placeOrder(other)).rejects.toMatchObject({ code: "validation_failed" });
    });

    it("sell no more than there is, whoever comes at once, and everything there is", async () => {
      const [rare, common] = await add({ stock: 20 }, { stock: 1000 });
      const startedMs = Date.now();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 80 }, (_, n) =>
          records.placeOrder(orderOf((n % 2 === 0 ? [rare, common] : [common, rare]) as Product[])),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(20);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "already_exists" });
      }
      expect((await records.get("products", rare?.id ?? ""))?.value.stock).toBe(0);
      expect((await records.get("products", common?.id ?? ""))?.value.stock).toBe(980);
      expect(Date.now() - startedMs).toBeLessThan(10_000);
    });
  });

  describe("files", () => {
    const file = (size: number) => {
      const bytes = new Uint8Array(size).map((_, n) => (n * 31 + size) % 256);
      const savedAt = "2026-01-01T00:00:00.000Z";
      return { info: { contentType: "image/png", sizeBytes: size, sha256: `${size}`, savedAt }, bytes };
    };
    it("come back as they were, also large and empty ones", async () => {
      for (const size of [0, 1, 600_001, 5 * 1024 * 1024]) {
        const { info, bytes } = file(size);
        await records.saveFile({ name: mark, info, bytes, events: [] });
        const found = await records.getFile(mark);
        expect(found?.info).toEqual(info);
        expect(found?.bytes.byteLength).toBe(size);
        expect(found?.bytes.every((byte, n) => byte === bytes[n])).toBe(true);
      }
      const infos = await records.describeFiles(["none", mark]);
      expect(infos.map((info) => info?.sizeBytes)).toEqual([undefined, 5 * 1024 * 1024]);
      expect(await records.getFile("none")).toBeUndefined();
      expect(await records.describeFiles([])).toEqual([]);
    });

    it("are whole while they are replaced, and tell of it", async () => {
      const value = user();
      const event = toRecordEvent(eventContext(), "users", "updated", value);
      const [small, large] = [file(700_000), file(1_300_000)];
      await records.saveFile({ name: mark, ...small, events: [event] });
      expect((await idsIn("users")).at(-1)).toBe(value.id);
      const reads = Array.from({ length: 6 }, () => records.getFile(mark));
      await records.saveFile({ name: mark, ...large, events: [] });
      for (const found of await Promise.all(reads)) {
        const expected = found?.info.sizeBytes === 700_000 ? small : large;
        expect(found?.bytes.every((byte, n) => byte === expected.bytes[n])).toBe(true);
      }
    });
  });
}

/** A generator that starts anew for each seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function passesByHand({ field, comparison, value }: Filter, product: Product): boolean {
  const content = product[field as keyof Product];
  if (comparison === "equals") return content === value;
  if (content === undefined) return false;
  return comparison === "at-least" ? content >= value : content <= value;
}

function sortByHand(products: readonly Product[], keys: ListQuery["sort"]): readonly Product[] {
  return products.toSorted((left, right) => {
    for (const { field, isDescending } of keys) {
      const order = compareByHand(left[field as keyof Product], right[field as keyof Product]);
      if (order !== 0) return isDescending ? -order : order;
    }
    return 0;
  });
}

/** Bytes, with A-Z as a-z; what is missing comes first. */
function compareByHand(left: unknown, right: unknown): number {
  if (left === undefined || right === undefined)
    return Number(left !== undefined) - Number(right !== undefined);
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [a, b] = [left, right].map((text) =>
    new TextEncoder().encode(String(text).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())),
  ) as [Uint8Array, Uint8Array];
  const at = a.findIndex((byte, n) => byte !== b[n]);
  return at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
}

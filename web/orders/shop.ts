import { computed, signal } from "@preact/signals";
import type { Client, CloudEvent } from "../../clients/typescript/index.ts";
import { api } from "../shell/api.ts";
import { openClient } from "../shell/client.ts";
import { ORIGIN, toError, toMessage } from "../shell/server.ts";
import type { Session } from "../shell/session.ts";

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly price: number;
  readonly stock: number;
}

export interface Order {
  readonly id: string;
  readonly items: readonly { readonly productId: string; readonly name: string; readonly quantity: number }[];
  readonly total: number;
  readonly status: string;
  readonly createdAt: string;
  /** When each status was reached, as far as its channel has told. */
  readonly reachedAt: Readonly<Record<string, string>>;
}

export interface Note {
  readonly id: string;
  readonly title: string;
  readonly time: string;
}

const SHOWN_PRODUCTS = 8;
const MAX_NOTES = 30;
const EXAMPLES: readonly Omit<Product, "id">[] = [
  { name: "Copper wire, 10 m", category: "wire", price: 12.5, stock: 40 },
  { name: "Patch cable", category: "wire", price: 4.2, stock: 120 },
  { name: "Pocket radio", category: "electronics", price: 39, stock: 8 },
  { name: "Morse key", category: "electronics", price: 64.9, stock: 3 },
];

/** A small shop: REST for what is done, channels for what happens. */
export class Shop {
  readonly products = signal<readonly Product[] | undefined>(undefined);
  readonly orders = signal<readonly Order[]>([]);
  readonly notes = signal<readonly Note[]>([]);
  readonly basket = signal<ReadonlyMap<string, number>>(new Map());
  readonly problem = signal<string | undefined>(undefined);
  readonly isOrdering = signal(false);
  readonly total = computed(() =>
    (this.products.value ?? []).reduce(
      (sum, { id, price }) => sum + price * (this.basket.value.get(id) ?? 0),
      0,
    ),
  );
  readonly #client: Client;
  readonly #userId: string;

  constructor({ userId }: Session) {
    this.#userId = userId;
    this.#client = openClient();
    // Stock changes with every order, anybody's: what is shown is what the log says.
    this.#client.subscribe("products").on("event", (event) => this.#onProduct(event));
    this.#client
      .subscribe(`users/${userId}/inbox`, { after: "earliest" })
      .on("event", (event) => this.#onNote(event));
    void this.#attempt(async () => {
      await this.loadProducts();
      const { body } = await api<{ data: Omit<Order, "reachedAt">[] }>(
        "GET",
        `/api/v1/users/${userId}/orders?per_page=10&sort=-createdAt`,
      );
      for (const order of body.data.toReversed()) this.#follow(order);
    });
  }

  async loadProducts(): Promise<void> {
    const { body } = await api<{ data: Product[] }>("GET", `/api/v1/products?per_page=${SHOWN_PRODUCTS}`);
    this.products.value = body.data;
  }

  /** Takes more of a product into the basket, or less, within its stock. */
  take({ id, stock }: Product, change: number): void {
    const count = Math.max(0, Math.min(stock, (this.basket.value.get(id) ?? 0) + change));
    this.basket.value = new Map(
      [...this.basket.value, [id, count] as const].filter(([, quantity]) => quantity > 0),
    );
  }

  /** Places the order of what is in the basket. */
  async order(): Promise<void> {
    this.isOrdering.value = true;
    await this.#attempt(async () => {
      const items = Array.from(this.basket.value, ([productId, quantity]) => ({ productId, quantity }));
      const { body } = await api<Omit<Order, "reachedAt">>("POST", `/api/v1/users/${this.#userId}/orders`, {
        items,
      });
      this.basket.value = new Map();
      this.#follow(body);
    });
    this.isOrdering.value = false;
  }

  /** Puts some products on sale, with an administrator's token that this server gives away. */
  async addExamples(): Promise<void> {
    await this.#attempt(async () => {
      const post = (path: string, body: object, token?: string) =>
        fetch(`${ORIGIN}${path}`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify(body),
        });
      const answer = await post("/auth/token", { name: "shopkeeper", roles: ["admin"] });
      if (!answer.ok) throw await toError(answer);
      const { token } = (await answer.json()) as { token: string };
      for (const product of EXAMPLES) {
        const created = await post("/api/v1/products", product, token);
        if (!created.ok) throw await toError(created);
      }
      await this.loadProducts();
    });
  }

  close(): void {
    this.#client.close();
  }

  #follow(order: Omit<Order, "reachedAt">): void {
    if (this.orders.value.some(({ id }) => id === order.id)) return;
    const reachedAt = { pending: order.createdAt };
    this.orders.value = [{ ...order, reachedAt }, ...this.orders.value];
    const subscription = this.#client.subscribe(`orders/${order.id}`, { after: "earliest" });
    subscription.on("event", ({ type, data, time }) => {
      if (type !== "order.status_changed") return;
      const { status } = data as { status: string };
      this.orders.value = this.orders.value.map((known) =>
        known.id === order.id
          ? { ...known, status, reachedAt: { ...known.reachedAt, [status]: time } }
          : known,
      );
      if (status === "shipped") subscription.close();
    });
  }

  #onProduct({ type, data }: CloudEvent): void {
    if (type !== "product.updated" && type !== "product.created") return;
    const product = data as Product;
    this.products.value = this.products.value?.map((known) =>
      known.id === product.id ? { ...known, ...product } : known,
    );
  }

  #onNote({ id, type, data, time, sequence }: CloudEvent): void {
    if (sequence === undefined) return;
    const { title } = (data ?? {}) as { title?: string };
    this.notes.value = [{ id, title: title ?? type, time }, ...this.notes.value].slice(0, MAX_NOTES);
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.problem.value = undefined;
    } catch (thrown) {
      this.problem.value = toMessage(thrown);
    }
  }
}

import { seedPosts, seedProducts, seedUsers } from "./seed-data.ts";
import { exitWith, StartError } from "./start-error.ts";

const MAX_TRIES = 10;
const AT_ONCE = 8;

/** With `--json`: what is done so far, a JSON text a line, and the result or the error as the last. */
const isJson = process.argv.includes("--json");

interface SeedResult {
  readonly users: number;
  readonly products: number;
  readonly posts: number;
  /** Of them, what was not there before. */
  readonly created: number;
  readonly comments: number;
}

/** Puts example records into a running server, over its own REST API. Running it again adds nothing. */
async function seed(url: string, token: string): Promise<SeedResult> {
  const api = new SeedClient(url, token);
  const users = await api.ensureAll("users", "email", seedUsers());
  const products = await api.ensureAll("products", "name", seedProducts());
  const authorIdOf = (index: number) => users[index]?.id ?? "";
  const wanted = seedPosts();
  const posts = await api.ensureAll(
    "posts",
    "title",
    wanted.map(({ title, content, author }) => ({ title, content, authorId: authorIdOf(author) })),
  );
  let comments = 0;
  for (const [index, post] of posts.entries()) {
    if (!post.isNew) continue;
    // One after another, so that they are in order.
    for (const [n, { content, author }] of (wanted[index]?.comments ?? []).entries()) {
      await api.create(`posts/${post.id}/comments`, `${post.id}-${n}`, {
        content,
        authorId: authorIdOf(author),
      });
      comments += 1;
    }
  }
  const created = [...users, ...products, ...posts].filter(({ isNew }) => isNew).length;
  return { users: users.length, products: products.length, posts: posts.length, created, comments };
}

interface Seeded {
  readonly id: string;
  readonly isNew: boolean;
}

class SeedClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Finds each record by a field that tells it from the others, or creates it. In the order given. */
  async ensureAll(
    collection: string,
    field: string,
    bodies: readonly Readonly<Record<string, unknown>>[],
  ): Promise<readonly Seeded[]> {
    const seeded: Seeded[] = [];
    for (let start = 0; start < bodies.length; start += AT_ONCE) {
      const batch = bodies.slice(start, start + AT_ONCE);
      seeded.push(...(await Promise.all(batch.map((body) => this.#ensure(collection, field, body)))));
      if (isJson)
        console.log(JSON.stringify({ done: seeded.length, total: bodies.length, what: collection }));
    }
    return seeded;
  }

  async #ensure(collection: string, field: string, body: Readonly<Record<string, unknown>>): Promise<Seeded> {
    const value = String(body[field]);
    const query = new URLSearchParams({ [field]: value, per_page: "1" });
    const { data } = (await this.#call("GET", `${collection}?${query}`)) as {
      data: readonly { id: string }[];
    };
    const [found] = data;
    if (found !== undefined) return { id: found.id, isNew: false };
    // The key covers a run that is cut between a creation and its answer.
    return { id: await this.create(collection, encodeURIComponent(value), body), isNew: true };
  }

  async create(path: string, key: string, body: Readonly<Record<string, unknown>>): Promise<string> {
    const { id } = (await this.#call("POST", path, { body, key: `seed-${key}` })) as { id: string };
    return id;
  }

  async #call(
    method: string,
    path: string,
    sent?: { readonly body: object; readonly key: string },
  ): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(`${this.#url}/api/v1/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(sent === undefined ? {} : { "content-type": "application/json", "idempotency-key": sent.key }),
        },
        ...(sent === undefined ? {} : { body: JSON.stringify(sent.body) }),
      });
      if (response.ok) return response.json();
      const text = await response.text();
      if (response.status !== 429 || attempt === MAX_TRIES) {
        throw new StartError(`${method} ${path}: ${response.status} ${text}`);
      }
      const seconds = Number(response.headers.get("retry-after") ?? 1);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}

async function findToken(url: string): Promise<string> {
  const given = process.env.EVERYWIRE_TOKEN;
  if (given) return given;
  const response = await fetch(`${url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "seed", roles: ["admin"] }),
  });
  if (response.ok) return ((await response.json()) as { token: string }).token;
  throw new StartError("Start the server with DEV_AUTH=true, or set EVERYWIRE_TOKEN to an admin's token.");
}

try {
  const url = process.env.EVERYWIRE_URL || `http://127.0.0.1:${process.env.PORT || "8787"}`;
  const token = await findToken(url).catch((error: unknown) => {
    if (error instanceof TypeError) throw new StartError(`Nothing answers at ${url}: run 'npm start' first.`);
    throw error;
  });
  const result = await seed(url, token);
  const { users, products, posts, created, comments } = result;
  if (isJson) console.log(JSON.stringify({ result }));
  else {
    console.log(
      `${users} users, ${products} products, ${posts} posts: ${created} and ${comments} comments are new.`,
    );
  }
} catch (error) {
  if (isJson && error instanceof StartError) {
    console.log(JSON.stringify({ error: error.message }));
    process.exit(1);
  }
  exitWith(error);
}

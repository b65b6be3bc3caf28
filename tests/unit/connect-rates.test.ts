import { expect, it } from "vitest";
import type { Identity } from "../../core/identity.ts";
import type { InsertRequest } from "../../core/records.ts";
import { parseSettings } from "../../core/settings.ts";
import { createApp } from "../../functions/boundary/app.ts";
import type { Edge } from "../../functions/boundary/edge.ts";
import { IsolateRates } from "../../functions/boundary/request-rates.ts";
import { door } from "../../functions/connect/index.ts";

const ADMIN: Identity = {
  kind: "user",
  subject: "root",
  name: "root",
  roles: ["admin"],
  channels: undefined,
  expiresAtMs: undefined,
};

/** A message of a Connect stream (connectrpc.com/docs/protocol, "Streaming Request"). */
function envelope(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(json.byteLength, 1);
  return Buffer.concat([prefix, json]);
}

/** Creates users in one call, over a store that takes no time. */
async function createInBulk(count: number, settings: Readonly<Record<string, string>>) {
  const edge = {
    settings: parseSettings(settings),
    rates: new IsolateRates(),
    ports: {
      tokens: { verify: async () => ADMIN, recall: () => ADMIN },
      records: {
        insert: async ({ value }: InsertRequest<"users">) => ({
          stored: { version: 1, value },
          isReplay: false,
        }),
      },
    },
  } as unknown as Edge;
  const users = Array.from({ length: count }, (_, n) => envelope({ name: "N", email: `n${n}@example.org` }));
  const request = new Request("http://localhost/everywire.v1.UserService/BulkCreateUsers", {
    method: "POST",
    headers: { "content-type": "application/connect+json", authorization: "Bearer t" },
    body: Buffer.concat(users),
  });
  const startedMs = performance.now();
  const response = await createApp([door], edge)(request, {} as never);
  const text = Buffer.from(await response.arrayBuffer()).toString();
  return { text, durationMs: performance.now() - startedMs };
}

it("reads a stream of users to create as slowly as the rate allows, and refuses none", async () => {
  // The call pays for the first user, a full bucket for nine; the other six come back at ten a second.
  const { text, durationMs } = await createInBulk(16, { REQUESTS_PER_SECOND: "10" });
  expect(text).toContain('"created":16');
  expect(text).not.toContain("failed");
  expect(durationMs).toBeGreaterThan(500);
});

it("waits for nothing with RATE_LIMITS=off", async () => {
  const { text, durationMs } = await createInBulk(300, { REQUESTS_PER_SECOND: "10", RATE_LIMITS: "off" });
  expect(text).toContain('"created":300');
  // With rates it would be half a minute.
  expect(durationMs).toBeLessThan(10_000);
});

import type { Hono } from "hono";
import type { Account } from "./account.ts";

export function addSigningKeyRoutes(app: Hono, { store }: Account): void {
  app.get("/v2/keys", () => Response.json(store.signingKeys.read()));
  app.post("/v2/keys/rotate", () => Response.json(store.signingKeys.rotate()));
}

import { DocumentedClient } from "./documented-client.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

export interface RestTarget {
  readonly served: ServedTarget;
  readonly admin: DocumentedClient;
  readonly ada: DocumentedClient;
  readonly bob: DocumentedClient;
  readonly nobody: DocumentedClient;
  /** Creates, as an admin, and gives what was created. */
  create(path: string, body: object): Promise<{ readonly id: string }>;
}

/** A server with an admin and two users who are not. */
export async function serveRest(): Promise<RestTarget> {
  const served = await serveTarget();
  const nobody = await DocumentedClient.create(served);
  const admin = nobody.as(await served.signIn("root", { roles: ["admin"] }));
  return {
    served,
    nobody,
    admin,
    ada: nobody.as(await served.signIn("ada")),
    bob: nobody.as(await served.signIn("bob")),
    async create(path, body) {
      const answer = await admin.call("POST", path, { body });
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
      return answer.json;
    },
  };
}

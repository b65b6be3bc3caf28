import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { encodeRefusal } from "./encode.ts";
import { handleAsset, handleAvatar, handleGraphql } from "./handler.ts";

export const door: Door = {
  name: "graphql",
  summary: "GraphQL: queries, mutations, and subscriptions over server-sent events and WebSocket",
  example: `curl '{url}/graphql' -H 'content-type: application/json' -d '{"query":"mutation { publish(channel: \\"demo/hello\\", type: \\"chat.message\\", data: \\"hi\\") { sequence } }"}'`,
  guarantees: {
    publish: true,
    subscribe: true,
    resume: true,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: false,
    limits: true,
  },
  needs: ["records", "graphql-sockets"],
  wants: { queue: "orders stay pending: the jobs that move them on come in through it" },
  refuse(c, error) {
    return c.req.path === "/graphql" ? Promise.resolve(encodeRefusal(c.req.raw, error)) : undefined;
  },
  mount(app) {
    mountMethods(app, "/graphql", { GET: handleGraphql, POST: handleGraphql });
    mountMethods(app, "/graphql/graphiql/:file", { GET: handleAsset });
    mountMethods(app, "/graphql/avatars/:userId", { GET: handleAvatar });
  },
};

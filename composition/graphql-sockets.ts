import { createGraphqlSocketClass } from "../durable-objects/graphql-socket.ts";
import { serveGraphqlSocket } from "../functions/graphql/socket.ts";
import { createSocketHosts } from "../services/socket-hosts.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Part } from "./part.ts";

export const graphqlSockets: Part = ({ env }) => ({
  ports: { socketHosts: createSocketHosts(env.GRAPHQL_SOCKET) },
});

/** A GraphQL connection: the object that holds it, and the door that knows what is spoken on it. */
export function createGraphqlSocket(compose: Compose) {
  return createGraphqlSocketClass<Environment>((env, socket, opening) => {
    serveGraphqlSocket(compose(env).edge, socket, opening);
  });
}

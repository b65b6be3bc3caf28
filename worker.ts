import { createCompose, toHandlers } from "./composition/compose.ts";
import { createGraphqlSocket, graphqlSockets } from "./composition/graphql-sockets.ts";
import { createJob, jobs } from "./composition/jobs.ts";
import { createMqttSession, mqtt } from "./composition/mqtt.ts";
import { queue } from "./composition/queue.ts";
import { createRecords, records } from "./composition/records.ts";
import { createWebhookEndpoint, webhooks } from "./composition/webhooks.ts";
import { doors } from "./functions/routes.ts";

export { MqttRetained, MqttShare } from "./composition/mqtt.ts";
export { WorkQueue } from "./composition/queue.ts";
export { WebhookIndex } from "./composition/webhooks.ts";
export { Channel } from "./durable-objects/channel.ts";
export { Directory } from "./durable-objects/directory.ts";
export { Relay } from "./durable-objects/relay.ts";

const compose = createCompose(doors, [graphqlSockets, jobs, mqtt, queue, records, webhooks]);

export const GraphqlSocket = createGraphqlSocket(compose);
export const Job = createJob(compose);
export const MqttSession = createMqttSession(compose);
export const Records = createRecords(compose);
export const WebhookEndpoint = createWebhookEndpoint(compose);

export default toHandlers(doors, compose);

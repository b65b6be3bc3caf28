import { EVENT_TYPE } from "../publisher.ts";

/** What both carriers of GraphQL publish by. */
export const MUTATION = `mutation ($channel: String!, $data: JSON) { publish(channel: $channel, type: "${EVENT_TYPE}", data: $data) { sequence } }`;

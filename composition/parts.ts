import type { PartName } from "../functions/door.ts";

export interface PartDescription {
  /** The other parts that it cannot be without. */
  readonly needs: readonly PartName[];
  /** Classes of Durable Objects that it exports as they are. */
  readonly classes: readonly string[];
  /** Classes that are made with the composition, by a function `create<Class>` of its file. */
  readonly createdClasses: readonly string[];
}

/**
 * What a build has to know of each part to make a Worker of some doors (`scripts/door-subset.ts`). Data alone, since it is
 * read where no runtime is.
 */
export const PARTS: Readonly<Record<PartName, PartDescription>> = {
  records: { needs: [], classes: [], createdClasses: ["Records"] },
  // The jobs that it delivers change records.
  queue: { needs: ["records"], classes: ["WorkQueue"], createdClasses: [] },
  jobs: { needs: ["records"], classes: [], createdClasses: ["Job"] },
  "graphql-sockets": { needs: [], classes: [], createdClasses: ["GraphqlSocket"] },
  mqtt: { needs: [], classes: ["MqttRetained", "MqttShare"], createdClasses: ["MqttSession"] },
  webhooks: { needs: [], classes: ["WebhookIndex"], createdClasses: ["WebhookEndpoint"] },
};

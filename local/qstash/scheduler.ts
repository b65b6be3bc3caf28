import { parseCron } from "./cron.ts";
import type { MessageSpec } from "./message.ts";
import type { Publisher } from "./publisher.ts";
import { isUrl } from "./publisher.ts";
import type { Schedule } from "./store/schedule-store.ts";
import type { Store } from "./store/store.ts";
import type { Endpoint } from "./store/url-group-store.ts";

/** Makes the messages of schedules when their time comes. */
export class Scheduler {
  readonly #store: Store;
  readonly #publisher: Publisher;

  constructor(store: Store, publisher: Publisher) {
    this.#store = store;
    this.#publisher = publisher;
  }

  /** Times that went by while nothing ran are made up for once, and not one by one. */
  fire(nowMs: number): void {
    for (const schedule of this.#store.schedules.findDue(nowMs)) {
      // What was taken once is run, whatever may be created now.
      const nextMs = parseCron(schedule.cron, true).next(nowMs);
      this.#store.transaction(() => {
        if (schedule.isPaused) this.#store.schedules.advance(schedule.id, nextMs);
        else {
          const messageIds = this.#publish(schedule, nowMs);
          this.#store.schedules.advance(schedule.id, nextMs, { atMs: nowMs, messageIds });
        }
      });
    }
  }

  #publish(schedule: Schedule, nowMs: number): string[] {
    const body = this.#store.schedules.readBody(schedule.id);
    const { delayMs, ...options } = schedule.options;
    return this.#findEndpoints(schedule).map((endpoint) => {
      const spec: MessageSpec = {
        ...options,
        url: endpoint.url,
        urlGroup: isUrl(schedule.destination) ? undefined : schedule.destination,
        endpointName: endpoint.name,
        queueName: schedule.queueName,
        scheduleId: schedule.id,
      };
      return this.#publisher.insert(spec, body, { nowMs, dueMs: nowMs + delayMs }).id;
    });
  }

  /** None where its group is gone. */
  #findEndpoints({ destination }: Schedule): readonly Endpoint[] {
    if (isUrl(destination)) return [{ url: destination }];
    return this.#store.urlGroups.get(destination)?.endpoints ?? [];
  }
}

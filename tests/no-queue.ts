import { EverywireError } from "../core/error.ts";

/** For what is tested without a queue: jobs wait. */
export const noQueue = {
  async sendJob(): Promise<void> {
    throw new EverywireError("unavailable", "There is no queue here.");
  },
};

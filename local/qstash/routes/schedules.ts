import type { Hono } from "hono";
import { readBody } from "../body.ts";
import { parseCron } from "../cron.ts";
import { decodePublish, decodeUrl } from "../decode-options.ts";
import { toSpecView } from "../encode.ts";
import { newId } from "../message.ts";
import { badRequest, notFound, notServed } from "../problem.ts";
import { isUrl, toMessageOptions, unknownDestination } from "../publisher.ts";
import { MAX_MESSAGE_BYTES } from "../settings.ts";
import type { Schedule } from "../store/schedule-store.ts";
import type { Account } from "./account.ts";
import { readDestination } from "./destination.ts";
import { decodeQueueName } from "./publish.ts";

/** Schedules: a message each time that a cron expression says. */
export function addScheduleRoutes(app: Hono, { store, dispatcher, withCronSeconds }: Account): void {
  const { schedules } = store;

  app.get("/v2/schedules", async () => Response.json(await Promise.all(schedules.list().map(toView))));

  app.get("/v2/schedules/:id", async ({ req }) => {
    const id = decodeId(req.param("id"));
    const schedule = schedules.get(id);
    if (schedule === undefined) throw unknownSchedule(id);
    return Response.json(await toView(schedule));
  });

  app.delete("/v2/schedules/:id", ({ req }) => {
    schedules.remove(decodeId(req.param("id")));
    return new Response(null);
  });

  for (const [verb, isPaused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    // The documentation says POST, and the SDK sends PATCH.
    app.on(["POST", "PATCH"], `/v2/schedules/:id/${verb}`, ({ req }) => {
      const id = decodeId(req.param("id"));
      if (!schedules.setPaused(id, isPaused)) throw unknownSchedule(id);
      return new Response(null);
    });
  }

  app.post("/v2/schedules/*", async ({ req }) => {
    const schedule = readSchedule(req.raw);
    const body = await readBody(req.raw, MAX_MESSAGE_BYTES);
    schedules.put(schedule, body);
    dispatcher.kick();
    return Response.json({ scheduleId: schedule.id });
  });

  function readSchedule({ url, headers }: Request): Schedule {
    const destination = readDestination(url, "/v2/schedules/");
    if (isUrl(destination)) decodeUrl("the destination", destination);
    else if (store.urlGroups.get(destination) === undefined) throw unknownDestination(destination);
    const options = decodePublish(headers);
    if (options.deduplication !== undefined || options.notBeforeMs !== undefined) {
      throw notServed("schedules with a deduplication or with Upstash-Not-Before");
    }
    const cron = headers.get("upstash-cron");
    if (cron === null) throw badRequest("a schedule needs Upstash-Cron");
    const id = headers.get("upstash-schedule-id");
    const queueName = headers.get("upstash-queue-name");
    return {
      id: id === null ? newId("scd") : decodeId(id),
      cron,
      destination,
      queueName: queueName === null ? undefined : decodeQueueName(queueName),
      options: { ...toMessageOptions(options), delayMs: options.delayMs },
      isPaused: false,
      createdMs: Date.now(),
      lastMs: undefined,
      nextMs: parseCron(cron, withCronSeconds).next(Date.now()),
      lastStates: {},
    };
  }

  async function toView(schedule: Schedule): Promise<Record<string, unknown>> {
    const { options } = schedule;
    return {
      scheduleId: schedule.id,
      cron: schedule.cron,
      createdAt: schedule.createdMs,
      destination: schedule.destination,
      ...(await toSpecView(options, schedules.readBody(schedule.id))),
      retries: options.retries,
      delay: options.delayMs === 0 ? undefined : options.delayMs / 1000,
      isPaused: schedule.isPaused,
      queueName: schedule.queueName,
      lastScheduleTime: schedule.lastMs,
      nextScheduleTime: schedule.nextMs,
      lastScheduleStates: schedule.lastMs === undefined ? undefined : schedule.lastStates,
      callerIP: options.callerIp,
    };
  }
}

/** @throws QstashProblem 400 */
function decodeId(id: string): string {
  if (!/^[\w.-]{1,128}$/.test(id)) {
    throw badRequest("a schedule's id has 1 to 128 letters, digits, hyphens, periods and underscores");
  }
  return id;
}

function unknownSchedule(id: string) {
  return notFound(`there is no schedule "${id}"`);
}

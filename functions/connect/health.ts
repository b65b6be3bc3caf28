import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { EverywireError } from "../../core/error.ts";
import { checkReadiness } from "../../core/operations/check-readiness.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { callOf } from "./call.ts";
import { delay } from "./delay.ts";

/** Shorter than the second that probes commonly wait. */
const DEADLINE_MS = 800;

/** grpc.health.v1.Health: `SERVING` while what requests need answers, for the server ("") and for each service. */
export function addHealth(router: ConnectRouter, services: readonly DescService[]): void {
  const names = new Set(["", Health.typeName, ...services.map(({ typeName }) => typeName)]);
  router.service(Health, {
    async check({ service }, context) {
      if (!names.has(service)) throw new EverywireError("not_found", "There is no such service.");
      return { status: await currentStatus(context) };
    },
    async list(_request, context) {
      const status = await currentStatus(context);
      return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
    },
    /** Answers at once, and again whenever the status changes. */
    async *watch({ service }, context) {
      const { HEARTBEAT_SECONDS } = callOf(context).operation().limits;
      let last: Status | undefined;
      for (;;) {
        const status = names.has(service) ? await currentStatus(context) : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        await delay(HEARTBEAT_SECONDS * 1000, context.signal);
      }
    },
  });
}

async function currentStatus(context: HandlerContext): Promise<Status> {
  const call = callOf(context);
  const { isReady } = await checkReadiness(call.operation().ports, DEADLINE_MS, (dependency, thrown) =>
    console.error(call.requestId, "not ready:", dependency, thrown),
  );
  return isReady ? Status.SERVING : Status.NOT_SERVING;
}

import type { ErrorCode } from "../../core/error.ts";
import type { Published, ReceivedEvent } from "./door-driver.ts";
import { DoorError } from "./door-driver.ts";

/** What drivers of the GraphQL door send, whatever carries it. */
export const PUBLISH = `
  mutation ($channel: String!, $type: String!, $data: JSON, $data_base64: String, $id: String, $source: String) {
    publish(channel: $channel, type: $type, data: $data, data_base64: $data_base64, id: $id, source: $source) {
      id
      sequence
      duplicate
    }
  }
`;

export const EVENTS = `
  subscription ($channel: String!, $after: String) {
    events(channel: $channel, after: $after) {
      specversion id source type time subject sequence data data_base64
    }
  }
`;

export interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly { readonly message: string; readonly extensions?: unknown }[] | undefined;
}

/** @throws DoorError where the answer has errors */
export function assertNoErrors(answer: GraphqlAnswer): Readonly<Record<string, unknown>> {
  const [error] = answer.errors ?? [];
  if (error !== undefined) throw toDoorError(error);
  if (answer.data == null) throw new Error(`Neither data nor errors: ${JSON.stringify(answer)}`);
  return answer.data;
}

export function toDoorError(error: { readonly message: string; readonly extensions?: unknown }): DoorError {
  const { code } = (error.extensions ?? {}) as { code?: ErrorCode };
  return new DoorError(code ?? "internal", error.message);
}

export function toPublished(answer: GraphqlAnswer): Published {
  return { ...(assertNoErrors(answer).publish as Published) };
}

export function toReceived(answer: GraphqlAnswer): ReceivedEvent {
  const event = { ...(assertNoErrors(answer).events as Record<string, unknown>) };
  return { sequence: (event.sequence as string | null) ?? undefined, event };
}

/** Where a reader stands after an event: its sequence, or where a gap says that reading goes on. */
export function cursorAfter({ sequence, event }: ReceivedEvent): string | undefined {
  return sequence ?? (event.data as { resumedAt?: string } | null)?.resumedAt;
}

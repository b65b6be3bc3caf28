import { parseChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import type { FileInfo, StoredFile } from "../records.ts";
import { assertMay } from "../resource-policy.ts";
import { toAvatarEvent, USERS_CHANNEL } from "./record-events.ts";

export interface AvatarInput {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Images that a browser shows without running anything in them, which leaves SVG out. */
const IMAGE_TYPE = /^image\/(?!svg)[a-z0-9][a-z0-9.+-]{0,60}$/;

/**
 * Keeps a picture of a user in place of the one before; for that user and admins. The event is `user.avatar_changed` on
 * `users`, with what is known of the file and not its bytes.
 *
 * @throws EverywireError `permission_denied`, `unsupported_media_type`, `payload_too_large`, `invalid_argument` for an
 *   empty file, `not_found`
 */
export async function saveAvatar(
  context: OperationContext,
  userId: string,
  { contentType, bytes }: AvatarInput,
): Promise<FileInfo> {
  assertMay(context, { action: "write", channel: USERS_CHANNEL, who: { subject: userId } });
  const { MAX_UPLOAD_BYTES } = context.limits;
  if (bytes.byteLength > MAX_UPLOAD_BYTES) {
    throw new EverywireError("payload_too_large", `A file has at most ${MAX_UPLOAD_BYTES} bytes.`);
  }
  if (bytes.byteLength === 0) throw new EverywireError("invalid_argument", "The file is empty.");
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!IMAGE_TYPE.test(type)) {
    throw new EverywireError(
      "unsupported_media_type",
      "An avatar is an image, such as image/png, and no SVG.",
    );
  }
  const name = toFileName(userId);
  await assertKnownUser(context, userId);
  const info: FileInfo = {
    contentType: type,
    sizeBytes: bytes.byteLength,
    sha256: await sha256Hex(bytes),
    savedAt: new Date(context.nowMs).toISOString(),
  };
  const events = [toAvatarEvent(context, userId, info)];
  await context.ports.records.saveFile({ name, info, bytes, events });
  return info;
}

/** The picture of a user; for any signed-in user. @throws EverywireError `not_found` */
export async function getAvatar(context: OperationContext, userId: string): Promise<StoredFile> {
  assertMay(context, { action: "read", channel: USERS_CHANNEL, who: "anybody" });
  const file = await context.ports.records.getFile(toFileName(userId));
  if (file === undefined) throw new EverywireError("not_found", "This user has no avatar.");
  return file;
}

/** What is known of the pictures of many users, in one round trip; undefined where there is none. */
export async function describeAvatars(
  context: OperationContext,
  userIds: readonly string[],
): Promise<readonly (FileInfo | undefined)[]> {
  assertMay(context, { action: "read", channel: USERS_CHANNEL, who: "anybody" });
  return context.ports.records.describeFiles(userIds.map(toFileName));
}

/** Who holds a token exists, also where nobody made a record of them yet. */
async function assertKnownUser(context: OperationContext, userId: string): Promise<void> {
  if (context.identity.kind === "user" && context.identity.subject === userId) return;
  if ((await context.ports.records.get("users", userId)) !== undefined) return;
  throw new EverywireError("not_found", "There is no such user.");
}

/** @throws EverywireError `invalid_argument` where that is no id */
function toFileName(userId: string): string {
  return parseChannelName(`users/${userId}/avatar`);
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

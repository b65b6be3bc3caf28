/** What somebody asked the guide for, and it does not have. The message says what there is. */
export class GuideError extends Error {
  override readonly name = "GuideError";
}

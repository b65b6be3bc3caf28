/**
 * The extension attribute, and the user property, that says which bridges an event came through. One that came through this one
 * has been on both sides: to carry it on would carry it for ever.
 */
export const MARK = "mqttbridge";

export function isMarked(path: unknown, instance: string): boolean {
  return typeof path === "string" && path.split(" ").includes(instance);
}

export function addMark(path: unknown, instance: string): string {
  return typeof path === "string" && path !== "" ? `${path} ${instance}` : instance;
}

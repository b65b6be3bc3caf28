// A file of its own, so that the bundler leaves out what no lane uses.
export { stream } from "@durable-streams/client";

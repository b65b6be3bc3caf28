// A file of its own, so that the bundler leaves out the rest of the library, which is a server and brings GraphQL's.
export { createClient } from "graphql-sse";

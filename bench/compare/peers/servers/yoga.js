// GraphQL Yoga on Node.
import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { products } from "./product-store.js";

const store = products();
const schema = createSchema({
  typeDefs: `
    type Product { id: ID!, name: String!, category: String!, price: Float!, stock: Int! }
    type Query { product(id: ID!): Product }
  `,
  resolvers: { Query: { product: (_, { id }) => store.find(id) } },
});
const yoga = createYoga({ schema, logging: false, graphiql: false });

createServer(yoga).listen(Number(process.argv[2]), "127.0.0.1");

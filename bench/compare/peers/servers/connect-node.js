// UserService.GetUser on connect-node, from the same .proto file: Connect and gRPC-Web over HTTP/1.1.
import { createServer } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { users } from "./user-store.js";

const [port, generated] = process.argv.slice(2);
const { UserService } = await import(generated);
const store = users();
const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(UserService, {
      getUser(request) {
        const found = store.find(request.id);
        if (found === undefined) throw new ConnectError("no such user", Code.NotFound);
        const { id, name, email, seconds } = found;
        return { id, name, email, createdAt: { seconds: BigInt(seconds) } };
      },
    }),
});
createServer(handler).listen(Number(port), "127.0.0.1");

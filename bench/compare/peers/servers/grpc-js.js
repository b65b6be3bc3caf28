// UserService.GetUser on @grpc/grpc-js, from the same .proto file.
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { users } from "./user-store.js";

const [port, protoDirectory] = process.argv.slice(2);
const definition = loadSync("everywire/v1/user_service.proto", { includeDirs: [protoDirectory] });
const store = users();
const server = new Server();
server.addService(definition["everywire.v1.UserService"], {
  GetUser({ request }, callback) {
    const found = store.find(request.id);
    if (found === undefined) return callback({ code: status.NOT_FOUND });
    const { id, name, email, seconds } = found;
    callback(null, { id, name, email, createdAt: { seconds } });
  },
});
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});

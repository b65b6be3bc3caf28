import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { UserService } from "../../proto/gen/everywire/v1/user_service_pb.ts";
import { channelService } from "./channel-service.ts";
import { createConnectDoor } from "./connect-door.ts";
import { userService } from "./user-service.ts";

export const door = createConnectDoor(
  {
    name: "connect",
    summary: "Connect and gRPC-Web: everywire.v1.ChannelService and UserService, all four kinds of call",
    example: `curl {url}/everywire.v1.ChannelService/Publish -H 'content-type: application/json' -d '{"channel":"demo/hello","type":"greeting","data":"hi"}'`,
    guarantees: {
      publish: true,
      subscribe: true,
      resume: true,
      ordering: true,
      dedupe: true,
      binary: true,
      presence: false,
      limits: true,
    },
    needs: ["records"],
  },
  (router) => router.service(ChannelService, channelService).service(UserService, userService),
);

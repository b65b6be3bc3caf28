/** What every channel does, where it keeps no reader itself: this project's settings put each on a relay. */
import "./channel.test.ts";
import "./channel-stream.test.ts";
import "./channels-contract.test.ts";

// node ts_stdio.mjs '{"source": "…", "add_seconds": 10}' COMMAND [ARGUMENT…]
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { main, serverEnvironment } from "./session.mjs";
import { drive } from "./ts_client.mjs";

const [toolArguments, command, ...args] = process.argv.slice(2);
const env = { ...getDefaultEnvironment(), ...serverEnvironment() };

await main(() => drive(new StdioClientTransport({ command, args, env }), JSON.parse(toolArguments)));

// The official TypeScript client, first line (1.x), over any of its transports.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { lengthen, officialAdapter } from "./session.mjs";

export async function drive(transport, toolArguments) {
  let protocol = null;
  const pass = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    protocol = version;
    pass?.(version);
  };
  const client = new Client({ name: "fermata-e2e-ts", version: "1.0.0" });
  await client.connect(transport);
  const adapter = officialAdapter(client, (params, options) => client.callTool(params, undefined, options));
  const seen = await lengthen(adapter, toolArguments);
  const server = client.getServerVersion();
  await client.close();
  return { protocol, server, ...seen };
}

// The official TypeScript client, second line (2.x): in mode `legacy` it shakes hands, in mode `auto`
// it speaks 2026-07-28 to a server that does.
import { Client } from "@modelcontextprotocol/client";
import { lengthen, officialAdapter } from "./session.mjs";

export async function drive(mode, transport, toolArguments) {
  const client = new Client({ name: "fermata-e2e-ts2", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(transport);
  const adapter = officialAdapter(client, (params, options) => client.callTool(params, options));
  const seen = await lengthen(adapter, toolArguments);
  const protocol = client.getNegotiatedProtocolVersion();
  const server = client.getServerVersion();
  await client.close();
  return { protocol, server, ...seen };
}

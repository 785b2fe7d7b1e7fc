// Receives webhooks, and believes only those that Fieldbridge has signed.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET!.replace("whsec_", ""), "base64");

// signed reports whether one of the signatures of a message is right.
function signed(id: string, timestamp: string, signatures: string, body: string): boolean {
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < 300)) return false;
  const want = Buffer.from("v1," + createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64"));
  return signatures.split(" ").some((signature) => {
    const got = Buffer.from(signature);
    return got.length === want.length && timingSafeEqual(got, want);
  });
}

createServer(async (request, response) => {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += part;
  const header = (name: string) => String(request.headers[name] ?? "");
  if (!signed(header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"), body)) {
    response.writeHead(401).end();
    return;
  }
  // Keep the message with its webhook-id, and leave out one that you have. Work on it
  // after you have answered.
  console.log(header("webhook-id"), body);
  response.writeHead(204).end();
}).listen(Number(process.env.PORT));

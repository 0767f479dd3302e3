// npm install standardwebhooks
// SECRET=whsec_... node receiver.mjs 8081
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

createServer(async (request, response) => {
  try {
    const call = new Webhook(process.env.SECRET).verify(await text(request), request.headers);
    response.end(JSON.stringify({ task: { "Company Name": call.task["Company Name"].toUpperCase() } }));
  } catch (error) {
    response.writeHead(401).end(JSON.stringify({ message: error.message }));
  }
}).listen(Number(process.argv[2]), "127.0.0.1");

// A server of npm ws. It does what the path of a connection says, prints its
// port first, and then a line of JSON for each connection that has ended.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 8 << 20 });
server.on("listening", () => console.log(server.address().port));

const behaviours = {
  echo: (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })),
  close: (ws, q) => ws.close(q.has("code") ? Number(q.get("code")) : undefined, q.get("reason") ?? undefined),
  terminate: (ws) => ws.send("last words", () => ws.terminate()),
  ping: (ws) => {
    const pongs = [];
    ws.on("pong", (data) => {
      pongs.push(data.toString());
      if (pongs.length === 10) ws.send(JSON.stringify(pongs));
    });
    for (let i = 0; i < 10; i++) ws.ping("ping " + i);
  },
  fragments: (ws) => {
    const text = Buffer.from("κόσμε и 🙂");
    for (let i = 0; i < text.length; i++) {
      ws.send(text.subarray(i, i + 1), { binary: false, fin: i === text.length - 1 });
      ws.ping("between");
    }
  },
  invalid: (ws) => ws.send(Buffer.from([0x61, 0xed, 0xa0, 0x80, 0x62]), { binary: false }),
  deaf: (ws) => ws._socket.pause(),
};

server.on("connection", (ws, request) => {
  const url = new URL(request.url, "ws://localhost");
  ws.on("error", () => {});
  ws.on("close", (code, reason) =>
    console.log(JSON.stringify({ path: url.pathname, code, reason: reason.toString() })));
  behaviours[url.pathname.slice(1)](ws, url.searchParams);
});

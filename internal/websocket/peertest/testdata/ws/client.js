// A client of npm ws. It dials the address in its first argument, does what the
// second says, and prints what happened as a line of JSON.
const WebSocket = require("ws");

const [, , address, behaviour] = process.argv;
const ws = new WebSocket(address); // offers permessage-deflate
const result = { received: [], pongs: 0, extensions: null };

const text = "κόσμε и 🙂 ".repeat(10000);
const behaviours = {
  echo: () => {
    for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
      ws.send("x".repeat(size));
      ws.send(Buffer.alloc(size, 0xfe));
    }
    ws.send("end");
  },
  fragments: () => {
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += 997) {
      ws.send(bytes.subarray(i, i + 997), { binary: false, fin: i + 997 >= bytes.length });
      ws.ping("between");
    }
    ws.send("end");
  },
  large: () => ws.send(Buffer.alloc(9 << 20)),
  invalid: () => ws.send(Buffer.from([0xff]), { binary: false }),
  close: () => ws.close(4200, "до свидания"),
  wait: () => {},
};

ws.on("open", () => {
  result.extensions = ws.extensions;
  behaviours[behaviour]();
});
ws.on("pong", () => result.pongs++);
ws.on("message", (data, binary) => {
  if (!binary && data.toString() === "end") return ws.close(1000);
  result.received.push((binary ? "binary " : data.toString() === text ? "the text " : "text ") + data.length);
});
ws.on("error", (error) => { result.error = error.message; });
ws.on("close", (code, reason) => {
  console.log(JSON.stringify({ ...result, code, reason: reason.toString() }));
});

// What an application written against the generated types does: every name and type below is
// checked by the compiler, every status by the gateway.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string>; exit(code: number): never };
type Message = components["schemas"]["Message"];

const url = process.env.GROWHUB_URL;

function client(token?: string) {
  return createClient<paths>({
    baseUrl: url,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  });
}

function need<T>(what: string, reply: { data?: T; error?: unknown; response: Response }): T {
  if (reply.data === undefined) {
    console.error(`${what}: ${reply.response.status} ${JSON.stringify(reply.error)}`);
    process.exit(1);
  }
  return reply.data;
}

const login = need("login", await client().POST("/api/admin/login", {
  body: {
    email: process.env.GROWHUB_SUPERADMIN_EMAIL,
    password: process.env.GROWHUB_SUPERADMIN_PASSWORD,
  },
}));
const admin = client(login.data.token);
const provider = need("provider", await admin.POST("/api/admin/providers", {
  body: {
    type: "waha",
    name: `client-${Date.now()}`,
    base_url: `${process.env.GROWHUB_SIM_URL}/waha`,
    api_key: "sim",
  },
}));
const company = need("company", await admin.POST("/api/admin/companies", {
  body: { name: "client" },
}));
const api = client(company.data.token);
const instance = need("instance", await api.POST("/api/instances", {
  body: { instance_name: "client", provider_id: provider.data.id },
}));
const sent = need("send", await api.POST("/api/messages/send", {
  body: { instance_id: instance.data.id, phone_to: "5511999990001", content: "Hello" },
  params: { header: { "Idempotency-Key": "client-1", Prefer: "wait=5" } },
}));
const message: Message = sent.data;
const list = need("list", await api.GET("/api/messages", { params: { query: { limit: 1 } } }));
if (list.data[0]?.id !== message.id || list.total !== 1) {
  console.error("the list does not show the message", list);
  process.exit(1);
}
const wrong = await api.GET("/api/messages/{id}", {
  params: { path: { id: "0190a1b2-0000-7000-8000-000000000000" } },
});
if (wrong.error?.code !== "not_found") {
  console.error("an error is not what the types say", wrong.error);
  process.exit(1);
}
await admin.DELETE("/api/admin/companies/{id}", { params: { path: { id: company.data.id } } });
console.log(`a ${message.message_type} ${message.id} is ${message.status}`);

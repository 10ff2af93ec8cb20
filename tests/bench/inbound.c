#include "inbound.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "crypto/encode.h"
#include "crypto/hash.h"

#define NUMBERS  1000
#define BODY_MAX 2048

static struct slice
body_write(const struct inbound_requests *r, int64_t at_ms, char body[BODY_MAX])
{
	unsigned number = 900000000 + (unsigned)(r->count % NUMBERS) * 1009;
	int n = snprintf(
		body, BODY_MAX,
		"{\"id\":\"evt_bench%017" PRIu64 "\",\"timestamp\":%" PRId64
		",\"event\":\"message\",\"session\":\"%.*s\","
		"\"me\":{\"id\":\"5511900000000@c.us\",\"pushName\":\"Bench\"},"
		"\"payload\":{\"id\":\"false_5511%09u@c.us_3EB0BENCH%012" PRIu64 "\","
		"\"timestamp\":%" PRId64 ",\"from\":\"5511%09u@c.us\",\"fromMe\":false,"
		"\"source\":\"app\",\"to\":null,\"participant\":null,"
		"\"body\":\"Ol\\u00e1! Where is my order? It should have come yesterday.\","
		"\"hasMedia\":false,\"media\":null,\"ack\":2,\"ackName\":\"DEVICE\","
		"\"location\":null,\"vCards\":[],\"replyTo\":null,"
		"\"_data\":{\"Info\":{\"ID\":\"3EB0BENCH%012" PRIu64 "\"}}},"
		"\"environment\":{\"version\":\"2026.7.1\",\"engine\":\"GOWS\",\"tier\":\"CORE\","
		"\"browser\":null}}",
		r->count, at_ms, S_FMT(r->session), number, r->count, at_ms / 1000, number,
		r->count);

	if (n < 0 || n >= BODY_MAX)
		gh_panic("bench: a webhook body over %d bytes", BODY_MAX);
	return slice_make(body, (size_t)n);
}

void
inbound_write(void *arg, struct buf *out)
{
	struct inbound_requests *r = arg;
	int64_t at_ms = clock_wall_us() / CLOCK_MS;
	char text[BODY_MAX], id[UUID_TEXT_SIZE], hex[ENCODE_HEX_SIZE(HASH_SHA512_SIZE)];
	struct slice body = body_write(r, at_ms, text);
	uint8_t mac[HASH_SHA512_SIZE];

	hash_hmac_sha512(r->hmac_key, body, mac);
	encode_hex(slice_make(mac, sizeof(mac)), hex);
	r->count++;
	buf_add(out, S("POST "));
	buf_add(out, r->path);
	buf_add(out, S(" HTTP/1.1\r\nHost: "));
	buf_add(out, r->host);
	buf_add(out, S("\r\nContent-Type: application/json\r\nX-Webhook-Request-Id: "));
	buf_add_cstr(out, uuid_text(uuid7_new(), id));
	buf_add(out, S("\r\nX-Webhook-Timestamp: "));
	buf_add_i64(out, at_ms);
	buf_add(out, S("\r\nX-Webhook-Hmac-Algorithm: sha512\r\nX-Webhook-Hmac: "));
	buf_add_cstr(out, hex);
	buf_add(out, S("\r\nContent-Length: "));
	buf_add_u64(out, body.n);
	buf_add(out, S("\r\n\r\n"));
	buf_add(out, body);
}

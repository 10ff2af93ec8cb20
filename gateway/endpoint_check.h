/* endpoint_check.h - what a company may say about a webhook of its own: URL, events,
 * format, custom headers, secret (contracts/webhooks-out.md sections 2 and 11,
 * growhub-api.md section 7). Pure.
 */
#ifndef GH_GATEWAY_ENDPOINT_CHECK_H
#define GH_GATEWAY_ENDPOINT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "crypto/whsec.h"
#include "model/event.h"

struct arena;
struct egress;
struct json;
struct json_errors;
struct json_rules;
struct json_w;

#define ENDPOINT_HEADERS_MAX 20

/* What endpoint_input_read looks at, for the documentation. */
extern const struct json_rules endpoint_rules;

struct endpoint_policy {
	const struct egress *egress;
	bool has_allow; /* the operator allows some addresses that are not public */
};

/* NULL when fetching or posting there may be allowed, else why not ("must be https"). Names are
 * judged by their addresses when that is done. */
const char *endpoint_url_refusal(struct slice url, const struct endpoint_policy *p);

struct endpoint_input {
	struct slice url;
	const struct slice *events;
	unsigned event_count;
	int64_t mask; /* of events, without types that have no name in the format */
	enum event_format format;
	unsigned options; /* model/endpoint.h; not read here */
	bool is_active;
	bool has_headers;     /* given: replaces what there was */
	struct slice headers; /* JSON object; absent: none */
	bool has_secret;
	struct whsec secret;
};

/* Read v (NULL: nothing) over what *in holds: the defaults, or the endpoint as it is. Afterwards
 * url and events must be there. prefix: path of v, as in json_check. Every bad field goes into e;
 * true: none. */
bool endpoint_input_read(const struct json *v, const char *prefix, const struct endpoint_policy *p,
			 struct arena *a, struct json_errors *e, struct endpoint_input *in);

/* NULL when calling this address may be allowed, else what is wrong with it. Names are judged by
 * their addresses by who connects. */
const char *endpoint_url_refusal(struct slice text, const struct endpoint_policy *p);

/* The value shown instead of a custom header's. */
#define ENDPOINT_HEADER_MASK "***"
/* Member name of an open object: the headers with masked values. headers: JSON object or absent. */
void endpoint_headers_write(struct json_w *w, const char *name, struct slice headers,
			    struct arena *a);

#endif

/* instances.h - what other resources ask of the instances. */
#ifndef GH_GATEWAY_INSTANCES_H
#define GH_GATEWAY_INSTANCES_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/provider_client.h"
#include "model/instance.h"

struct db_error;
struct gateway;
struct gw_req;
struct gw_schema;
struct json_rules;
struct json_w;

/* The row as instances_json_members writes it. */
extern const struct gw_schema instance_schema;
/* With its token and webhooks, as it is made. */
extern const struct gw_schema instance_created_schema;
/* Of the body of a creation (instance_create.c). */
extern const struct json_rules instance_create_rules;

/* ref: valid until the end of this pass of the loop. */
typedef void instances_found_fn(struct gw_req *req, const struct instance_ref *ref);

/* Answer that the instance is not there: 404, or 403 to its own token, which a gateway may know a
 * little longer than the instance. */
void instances_gone(struct gw_req *req);

/* Find an instance of the request's company that is not deleted; else the request was answered
 * (404, 403, 503). Calls done at once when the cache has it. At most 4 s old. */
void instances_find(struct gw_req *req, int32_t id, instances_found_fn *done);

/* The same without an answer: GH_OK with ref, GH_ENOTFOUND, or why it could not be asked. fn is
 * called once, maybe before this returns. */
typedef void instances_ref_fn(void *arg, enum gh_code code, const struct instance_ref *ref);
void instances_ref(struct gw_req *req, int32_t id, instances_ref_fn *fn, void *arg);

/* This process changed an instance: look it up again. */
void instances_forget(struct gateway *gw, int32_t id);

/* A gw_failed_fn: the name given belongs to another instance of the company (409). */
bool instances_name_is_taken(struct gw_req *req, const struct db_error *err);

/* How to call the provider of i; borrows from it. */
struct provider_address instances_address(const struct instance_row *i);

/* Call the provider of instance i, with a deadline; call->session is set here, nothing is kept.
 * done gets req, exactly once, maybe before this returns. */
void instances_call(struct gw_req *req, const struct instance_row *i, struct provider_call *call,
		    provider_client_fn *done);

/* In done: report a call about instance i that did not succeed. */
void instances_call_log(const struct instance_row *i, const struct provider_call *call,
			const struct provider_result *r, int64_t elapsed_us);

/* instance_create.c */
void instances_create(struct gw_req *req);

/* Writes what stands beside data where an instance was made. */
typedef void instances_beside_fn(struct gw_req *req, struct json_w *w,
				 const struct instance_row *row, const char *token);
/* A creation whose body was read elsewhere. Slices are borrowed until the reply. */
struct instances_wish {
	struct slice name;
	struct slice settings; /* JSON object */
	instances_beside_fn *beside;
};
/* Make it, on a provider of our choice, and answer 200. */
void instances_create_wish(struct gw_req *req, const struct instances_wish *wish);
/* instance_delete.c */
void instances_delete(struct gw_req *req);
/* End an instance of any company: the row, its session, its waiting sends; answers req. */
void instances_end(struct gw_req *req, int32_t company_id, int32_t id);

/* Change an instance of the request's company; answers req. change is borrowed. */
void instances_change(struct gw_req *req, int32_t id, const struct instance_change *change);

/* Write the members of the API's instance row into an open object. */
void instances_json_members(struct json_w *w, const struct instance_row *row);

#endif

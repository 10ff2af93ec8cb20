/* provider_call.h - one call to an instance's provider inside a request: build, send
 * with a deadline, interpret. Sends are senderd's; this is for sessions.
 */
#ifndef GH_GATEWAY_PROVIDER_CALL_H
#define GH_GATEWAY_PROVIDER_CALL_H

#include "model/instance.h"
#include "provider/provider.h"

struct gw_req;

/* r: valid during the call. */
typedef void provider_call_fn(struct gw_req *req, const struct provider_result *r);

/* Call the provider of instance i. call and i are borrowed until done; call->session is set here.
 * done is called exactly once, maybe before this returns: what cannot even be tried (unknown
 * provider, unreadable key, bad address) is reported as a result like any other. */
void provider_call(struct gw_req *req, const struct instance_row *i, struct provider_call *call,
		   provider_call_fn *done);

#endif

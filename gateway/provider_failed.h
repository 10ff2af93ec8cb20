/* provider_failed.h - a direct provider call that did not succeed, as an error of the API. */
#ifndef GH_GATEWAY_PROVIDER_FAILED_H
#define GH_GATEWAY_PROVIDER_FAILED_H

#include "base/slice.h"

struct gw_req;
struct provider_result;

/* Answer req with what became of a call (result->outcome is not PROVIDER_OK): 501 not_supported
 * naming the provider, 404 not_found, 409 instance_not_connected, 504 provider_timeout, 502
 * provider_rejected, provider_unavailable or provider_error. type: "waha". req is dead afterwards.
 */
void provider_failed(struct gw_req *req, struct slice type, struct slice engine,
		     const struct provider_result *result);

#endif

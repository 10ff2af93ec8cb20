/* provider_failed.c - see provider_failed.h: contracts/growhub-api.md section 5, last paragraph. */
#include "provider_failed.h"

#include "gateway.h"

#include "base/arena.h"
#include "provider/provider.h"

/* Reasons that say more than the outcome they come with. */
static const struct {
	const char *code;
	enum gw_code error;
} reasons[] = {
	{"not_supported", GW_E_NOT_SUPPORTED},
	{"unsupported", GW_E_NOT_SUPPORTED}, /* this engine of it */
	{"not_found", GW_E_NOT_FOUND},
	{"media_gone", GW_E_NOT_FOUND},
	{"already_connected", GW_E_ALREADY_CONNECTED},
	{"provider_timeout", GW_E_PROVIDER_TIMEOUT},
	{"provider_unreachable", GW_E_PROVIDER_UNAVAILABLE},
	{"client_busy", GW_E_OVERLOADED},
};

static enum gw_code
error_of(const struct provider_result *r)
{
	static const enum gw_code errors[] = {
		[PROVIDER_OK] = GW_E_INTERNAL,
		[PROVIDER_RETRY] = GW_E_PROVIDER_ERROR,
		[PROVIDER_REJECTED] = GW_E_PROVIDER_REJECTED,
		[PROVIDER_UNKNOWN] = GW_E_PROVIDER_ERROR,
		[PROVIDER_PARK_INSTANCE] = GW_E_INSTANCE_NOT_CONNECTED,
		[PROVIDER_PARK_PROVIDER] = GW_E_PROVIDER_ERROR,
	};
	struct slice code = slice_of(r->code);

	for (size_t i = 0; i < GH_COUNT(reasons); i++)
		if (slice_eq(code, slice_of(reasons[i].code)))
			return reasons[i].error;
	/* The client's own word for the deadline, where no answer came. */
	if (slice_eq(code, S("no_answer")) && slice_eq(slice_of(r->text), S("timeout")))
		return GW_E_PROVIDER_TIMEOUT;
	return errors[r->outcome];
}

void
provider_failed(struct gw_req *req, struct slice type, struct slice engine,
		const struct provider_result *result)
{
	enum gw_code error = error_of(result);
	int64_t wait_s = (result->retry_after_us + CLOCK_SEC - 1) / CLOCK_SEC;
	const char *why = result->text[0] != '\0' ? result->text : result->code;
	const char *message;

	if (error == GW_E_NOT_SUPPORTED)
		message = arena_printf(req->a, "The provider (%.*s) cannot do this: %s",
				       S_FMT(provider_words(type, engine, req->a)), why);
	else
		message = arena_printf(req->a, "%s: %s", gw_error_info(error)->title, why);
	if (gw_error_info(error)->is_retryable && (wait_s > 0 || error == GW_E_OVERLOADED))
		gw_error_retry(req, error, message, wait_s);
	else
		gw_error(req, error, message);
}
